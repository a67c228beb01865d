"""The store in a cluster: the questions of ``store.py`` asked of the tables that the collector's clickhouse exporter writes.

``address`` and ``connection`` speak with the cluster, ``layout`` knows what its tables look like, ``conditions`` turns terms
into SQL. ``selection`` says which traces match, ``carried`` which values they have; what no SQL can tell is worked out from
whole traces on a ``bench``. ``store`` puts them together.
"""

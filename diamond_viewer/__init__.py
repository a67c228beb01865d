"""Diamond Viewer reads the OpenTelemetry Collector's trace files and shows them in a browser, live.

The map, from the pure middle outwards (an arrow in the code always points towards the top of this list):

* ``telemetry``  what the data is: spans, events, the wire format, semantic conventions, units, redaction
* ``query``      what can be asked: filters as data, the URL as a value
* ``trace``      how one trace is laid out: tree, waterfall, timeline
* ``store``      the questions every page may ask, as a Protocol
* ``index``      the store in memory: packed columns and compressed originals
* ``clickhouse``  the store in a cluster: the same questions, in SQL and on benches of whole traces; ``showing`` serves either
* ``feed``       files in: which files there are, what is new in them, and nothing twice
* ``receive``    OTLP/HTTP in: what SDKs send becomes lines of the live file, which the feed then reads
* ``web``        HTTP out: pages, fragments, JSON
* ``settings``, ``terminal``, ``resident``, ``serving``  the door's own: flags, words for the terminal, the process's memory,
  sockets and the web server under ``web`` and ``receive``
* ``diagnosis``  what is wrong, in words: rules as pure functions; ``index`` says who is examined when
* ``answers``    answers as JSON, pure as well: the same field names from ``web`` and ``cli``
* ``cli``        the command line, ``python -m diamond_viewer``: what the pages answer, for a terminal and for scripts
* ``demo``       realistic traffic of the platform, written as the collector writes it

``tests/test_layers.py`` holds the code to this picture.
"""

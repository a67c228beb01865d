"""Diamond Viewer reads the OpenTelemetry Collector's trace files and shows them in a browser, live.

The map, from the pure middle outwards (an arrow in the code always points towards the top of this list):

* ``telemetry``  what the data is: spans, events, the wire format, semantic conventions, units, redaction
* ``query``      what can be asked: filters as data, the URL as a value
* ``trace``      how one trace is laid out: tree, waterfall, timeline
* ``store``      the questions every page may ask, as a Protocol
* ``index``      the store in memory: packed columns and compressed originals
* ``feed``       files in: which files there are, what is new in them, and nothing twice
* ``web``        HTTP out: pages, fragments, JSON
* ``settings``, ``terminal``, ``resident``  the door's own: flags, words for the terminal, the process's memory
* ``diagnosis``  what is wrong, in words: rules as pure functions
* ``demo``       realistic traffic of the platform, written as the collector writes it

``tests/test_layers.py`` holds the code to this picture.
"""

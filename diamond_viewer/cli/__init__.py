"""The command line: a subcommand is a module of this folder and a row in ``subcommands.py``.

``program`` parses, runs and turns what happened into an exit code; ``arguments`` makes flags of the table of filters;
``reading`` has files read into a store; ``output`` is the terminal or the pipe.

Modules import what they need to run where they run it: ``--help`` and ``errors --count`` must not wait for NumPy.
"""

"""The door: settings -> store -> feed -> web server. ``python app.py --help`` lists the flags."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from diamond_viewer import terminal
from diamond_viewer.demo.traffic import DemoTraffic
from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.files import FeedError, has_files
from diamond_viewer.index.examiner import Examiner
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.settings import DEFAULT_PATTERN, Settings, SettingsError
from diamond_viewer.web.app import create_app
from diamond_viewer.web.serve import ServingError, listen, serve, stop_signals

STOP_S = 2.0  # the feed finishes the line it reads; it needs milliseconds


def main() -> int:
    """Run until told to stop. The exit code: 0 stopped, 2 cannot start like this."""
    started_s = time.monotonic()
    try:
        settings = Settings.from_arguments(sys.argv[1:], os.environ)
        listening = listen(settings.host, settings.port)
    except (SettingsError, ServingError) as error:
        return terminal.refuse(error)
    with ExitStack() as house:  # left in reverse: server, feed, demo, its folder
        stop = house.enter_context(stop_signals())
        patterns, notice = settings.patterns or (DEFAULT_PATTERN,), ""
        if settings.demo or not (settings.patterns or has_files(DEFAULT_PATTERN)):
            folder = Path(house.enter_context(TemporaryDirectory(prefix="diamond-viewer-demo-")))
            traffic = DemoTraffic(folder)
            traffic.start()
            house.callback(traffic.stop)
            patterns = (str(traffic.live_path),)
            notice = terminal.DEMO_NOTICE if settings.demo else terminal.NO_FILE_NOTICE
        store = MemoryStore.of_process(settings.memory_bytes, settings.reserve_bytes, settings.thresholds)
        try:
            feed = Feed(patterns, store, max_line_bytes=settings.max_line_bytes, notice=notice)
            feed.read_backlog_in(settings.worker_count, MemoryStore.packer)
        except FeedError as error:
            return terminal.refuse(error)
        application = create_app(store, allowed_hosts=settings.trusted_hosts)
        feed.start()
        house.callback(feed.stop, STOP_S)
        examiner = Examiner(store)
        examiner.start()
        house.callback(examiner.stop)
        terminal.greet(terminal.page_address(settings, listening[0].getsockname()[1]), patterns, notice)
        terminal.follow_backlog(store, stop.wait, started_s)
        serve(application, listening, stop, store)
    return 0


if __name__ == "__main__":
    sys.exit(main())

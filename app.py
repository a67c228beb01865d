"""The door: settings -> store -> feed -> web server. ``python app.py --help`` lists the flags."""

import os
import sys
from contextlib import ExitStack

from diamond_viewer import terminal
from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.files import FeedError, has_files
from diamond_viewer.index.examiner import Examiner
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.workers import worker_maker
from diamond_viewer.receive.storage import StorageError, open_storage
from diamond_viewer.serving import ServingError, listen, stop_signals
from diamond_viewer.settings.in_force import put_in_force
from diamond_viewer.settings.settings import DEFAULT_PATTERN, Settings, SettingsError
from diamond_viewer.showing import show, show_cluster


def main() -> int:
    """Run until told to stop. The exit code: 0 stopped, 2 cannot start like this."""
    try:
        settings = Settings.from_arguments(sys.argv[1:], os.environ)
        put_in_force(settings.configuration.attributes, settings.redaction)  # before anything is decoded
        listening = listen(settings.host, settings.port)
        received = listen(*settings.otlp, "--otlp") if settings.otlp else []
        storage = open_storage(settings.otlp_store, settings.live_path, terminal.say) if received else None
    except (SettingsError, ServingError, StorageError) as error:
        return terminal.refuse(error)
    if settings.store is not None:
        return show_cluster(settings, listening)
    with terminal.in_one_line(), ExitStack() as house:  # left in reverse: server, feed, demo, its folder
        stop = house.enter_context(stop_signals())
        patterns, notice = settings.patterns or (DEFAULT_PATTERN,), ""
        if settings.demo or not (settings.patterns or received or has_files(DEFAULT_PATTERN)):
            from diamond_viewer.demo.traffic import demonstrate  # only now: few want it, and it takes a while

            patterns = (str(house.enter_context(demonstrate())),)
            notice = terminal.DEMO_NOTICE if settings.demo else terminal.NO_FILE_NOTICE
        store = MemoryStore.of_process(settings.memory_bytes, settings.reserve_bytes, settings.configuration.thresholds)
        try:
            feed = Feed(patterns, store, max_line_bytes=settings.max_line_bytes, notice=notice)
            feed.read_backlog_in(settings.worker_count, worker_maker())
        except FeedError as error:
            return terminal.refuse(error)
        feed.start()
        house.callback(feed.stop, 2.0)  # seconds: it finishes the line it reads, which takes milliseconds
        house.enter_context(Examiner(store))
        terminal.greet(settings, listening, received, patterns, notice)
        if storage:
            from diamond_viewer.receive.receiver import receive  # only now: meanwhile the workers read already

            house.enter_context(receive(received, storage, stop, settings.otlp_origins, settings.max_line_bytes))
        terminal.follow_backlog(store, stop.wait)
        show(store, settings, listening, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())

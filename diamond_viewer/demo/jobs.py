"""Background jobs over BullMQ: queued by the web process, done by the worker."""

from diamond_viewer.demo.cast import APP, QUEUE, WORK, WORKER, Lesson, Student
from diamond_viewer.demo.database import PROGRESS_COUNT, query, redis
from diamond_viewer.demo.failures import crash_in
from diamond_viewer.demo.recorder import NS_PER_MS, Context, OpenSpan, Recorder
from diamond_viewer.demo.server import api, session_check
from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_PRODUCER, AttributeValue, Link

_ANALYTICS = "progress-analytics"
_TRANSCODE = "video-transcode"
_ADD_SCRIPT = "5ab432e88830d573e2fa33392ffbd4ad25a9b100"
_FINISH_SCRIPT = "69666e69dd5621df59067a03de685e55a486560d"
_WORKER_ID = "6a024650-1fb9-4b36-b143-d5594d16ea43"


def aggregate_progress(recorder: Recorder, student: Student, lesson: Lesson) -> None:
    """A producer span in the web process; the consumer in the worker continues the same trace after the answer went out."""
    job_id = str(recorder.random.randrange(1, 100_000))
    with recorder.span(
        QUEUE, f"add {_ANALYTICS}.aggregate", _job(_ANALYTICS, "add", "aggregate", job_id), kind=KIND_PRODUCER
    ) as producer:
        payload = f'{{"userId":"{student.user_id}","lessonId":"{lesson.lesson_id}","completed":true}}'
        _enqueue(recorder, _ANALYTICS, payload, producer.context)
    with recorder.aside(after_ms=recorder.random.uniform(4, 60)):
        _process_aggregate(recorder, student, lesson, job_id, producer.context)


def request_transcode(recorder: Recorder, student: Student, lesson: Lesson, *, killed: bool) -> None:
    """An upload is to be transcoded: the worker's trace is its own and links back to the publisher's span."""
    job_id = str(recorder.random.randrange(1, 100_000))
    both: dict[str, AttributeValue] = {"user.id": student.user_id, "lesson.id": lesson.lesson_id}
    with api(recorder, "POST", "/api/transcode") as call:
        session_check(recorder, call, student, "/api/transcode")
        with recorder.span(APP, f"{_TRANSCODE} publish", _messaging("publish") | both, kind=KIND_PRODUCER) as publish:
            _enqueue(recorder, _TRANSCODE, f'{{"lessonId":"{lesson.lesson_id}"}}', publish.context)
        call.status = 202
    with recorder.aside(after_ms=recorder.random.uniform(20, 400)):
        _process_transcode(recorder, both, job_id, publish.context, killed)


def check_stalled_jobs(recorder: Recorder) -> None:
    attributes: dict[str, AttributeValue] = {
        "bullmq.queue.name": _ANALYTICS,
        "bullmq.queue.operation": "moveStalledJobsToWait",
        "bullmq.worker.id": _WORKER_ID,
        "bullmq.worker.stalled.jobs": [],
    }
    with recorder.span(QUEUE, f"moveStalledJobsToWait {_ANALYTICS}", attributes, resource=WORKER):
        redis(recorder, "evalsha", f"1e9bb7deb6219644a634d32c430ce15ed39a377e 9 bull:{_ANALYTICS}:stalled")


def import_roster(recorder: Recorder, student: Student, *, killed: bool) -> None:
    """A long import in chunks. When the worker is killed the job's own span never comes and the chunks stay orphans."""
    attributes: dict[str, AttributeValue] = {"job.name": "import", "userId": student.user_id}
    with recorder.span(WORK, "job.import", attributes, resource=WORKER) as job:
        for _ in range(recorder.random.randrange(3, 7)):
            recorder.spend(200, 900)
            with recorder.span(WORK, "import.chunk", {"userId": student.user_id}):
                before_ns = recorder.now_ns
                recorder.spend(300, 420)
                recorder.measure("job.duration_ms", (recorder.now_ns - before_ns) / NS_PER_MS, job="import.chunk")
        if killed:
            job.lose()


def _process_aggregate(recorder: Recorder, student: Student, lesson: Lesson, job_id: str, parent: Context) -> None:
    began_ns = recorder.now_ns
    attributes = _job(_ANALYTICS, "process", "aggregate", job_id) | {"bullmq.worker.id": _WORKER_ID}
    with recorder.span(
        QUEUE, f"process {_ANALYTICS}", attributes, kind=KIND_CONSUMER, resource=WORKER, remote=parent
    ) as process:
        recorder.spend(0.3, 2)
        names: dict[str, AttributeValue] = {"userId": student.user_id, "lessonId": lesson.lesson_id}
        with recorder.span(WORK, "job.progress.aggregate", names | {"job.id": job_id, "job.attempt": 0}):
            recorder.spend(2, 40)
            query(recorder, "Progress", "count", PROGRESS_COUNT)
        with recorder.span(QUEUE, f"complete {_ANALYTICS}", _job(_ANALYTICS, "complete", "aggregate", job_id)):
            redis(recorder, "evalsha", f"{_FINISH_SCRIPT} 14 bull:{_ANALYTICS}:wait bull:{_ANALYTICS}:active")
        process.event("job completed", {"bullmq.job.result": None})
        process.attributes["bullmq.job.attempts.made"] = 1
        process.attributes["bullmq.job.processed.timestamp"] = began_ns // NS_PER_MS
        recorder.measure("job.duration_ms", (recorder.now_ns - began_ns) / NS_PER_MS, job="job.progress.aggregate")
        recorder.measure("progress.updates_total", 1, completed=True)  # the web process counts under this name too


def _process_transcode(
    recorder: Recorder, both: dict[str, AttributeValue], job_id: str, publisher: Context, killed: bool
) -> None:
    began_ns = recorder.now_ns
    origin = Link(
        publisher.trace_id, publisher.span_id, "", {"link.type": "follows_from", "messaging.message.id": job_id}
    )
    attributes = _messaging("process") | {"messaging.message.id": job_id} | both
    with recorder.span(
        WORK, f"{_TRANSCODE} process", attributes, kind=KIND_CONSUMER, resource=WORKER, links=[origin]
    ) as process:
        _transcode(recorder, process, steps=5 if killed else 8)
        if killed:
            crash_in(
                process,
                "TranscodeError",
                "ffmpeg exited with code 137",
                "transcode (/srv/diamond/next/worker.cjs:88:13)",
            )
        recorder.measure("job.duration_ms", (recorder.now_ns - began_ns) / NS_PER_MS, job="video-transcode")


def _transcode(recorder: Recorder, process: OpenSpan, steps: int) -> None:
    for step in range(1, steps + 1):
        with recorder.span(
            WORK, "ffmpeg.segment", {"ffmpeg.segment": step - 1, "ffmpeg.args": ["-i", "in.mp4", "-ss", str(step)]}
        ):
            recorder.spend(200, 700)
        process.event("transcode.progress", {"percent": round(step * 100 / 8)})


def _enqueue(recorder: Recorder, queue: str, payload: str, context: Context) -> None:
    # BullMQ's arguments are msgpack: what is not text in them arrives as U+FFFD and control characters
    packed = f'\ufffd\ufffdbull:{queue}:\ufffd\x00 {payload} \ufffd\x04attempts\x03 {{"traceparent":"{context.traceparent}"}}'
    redis(recorder, "evalsha", f"{_ADD_SCRIPT} 9 bull:{queue}:wait bull:{queue}:paused bull:{queue}:meta {packed}")


def _job(queue: str, operation: str, job: str, job_id: str) -> dict[str, AttributeValue]:
    return {
        "bullmq.queue.name": queue,
        "bullmq.queue.operation": operation,
        "bullmq.job.name": job,
        "bullmq.job.id": job_id,
    }


def _messaging(operation: str) -> dict[str, AttributeValue]:
    return {
        "messaging.system": "bullmq",
        "messaging.destination.name": _TRANSCODE,
        "messaging.operation.type": operation,
    }

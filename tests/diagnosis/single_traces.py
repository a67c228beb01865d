"""Scenarios of one trace each."""

from tests.diagnosis.scenario import Scenario, bad, good, nearly
from tests.diagnosis.staging import take

CHECK, UPDATE, ACCESS, SIGN = "auth.session.check", "api.progress.update", "api.video.access", "s3.presign"
INSERT, SELECT = "pg.query:INSERT diamond", "pg.query:SELECT diamond"
OPERATION, WORKER = "prisma:client:operation", "diamond-district-worker"
OTHER = "SELECT {n} FROM Other"

PLAIN = (
    good("video-play", take("a131")),
    good("progress-save", take("4b61")),
    good("progress-save-with-job", take("9af4")),
    good("video-loaded-in-time", take("d3da")),
    good("heartbeat", take("bea5")),
    good("sign-in", take("d161")),
    good("dashboard", take("0d7f")),
    good("home-page", take("f5f6")),
    good("note", take("8843")),
    good("player-session", take("4785"), why="four saves within 20 ms, each of another position"),
    good("recommendations", take("f020")),
    good("resume-in-place", take("a630")),
    good("transcode-request", take("d591")),
)

AUTH = (
    bad("no-cookie-on-progress", take("1bae"), rules=("no-cookie",)),
    bad("no-cookie-on-video", take("72a9"), rules=("no-cookie",)),
    bad(
        "no-cookie-then-login",
        take("1bae").event(CHECK, "middleware.redirect", 2, from_="/lessons", to="/login", hasCookie=False),
        rules=("no-cookie",),
        why="the redirect belongs to the failure and is told with it",
    ),
    bad("cookie-rejected-on-video", take("de4b"), rules=("cookie-rejected",)),
    bad("cookie-rejected-on-progress", take("c3db"), rules=("cookie-rejected",)),
    bad(
        "auth-failed-says-no-more", take("1bae").change_event("auth.failed", "hasCookie", None), rules=("auth-failed",)
    ),
    bad("wrong-password", take("bc76"), rules=("sign-in-refused",), why="hasCookie=false, and no session was lost"),
    bad("unknown-address", take("f80d"), rules=("sign-in-refused",)),
    bad("empty-form", take("8044"), rules=("missing-credentials",)),
    bad("redirected-signed-out", take("64d5"), rules=("redirected",)),
    bad(
        "redirected-with-cookie",
        take("64d5").change_event("middleware.redirect", "hasCookie", True),
        rules=("redirected",),
    ),
    nearly(
        "redirected-home",
        take("64d5").change_event("middleware.redirect", "to", "/courses"),
        why="a redirect, but not to a sign-in page",
    ),
    bad(
        "redirect-loop-in-one-trace",
        take("64d5")
        .event("middleware GET", "middleware.redirect", 900, to="/login", hasCookie=False)
        .event("middleware GET", "middleware.redirect", 1900, to="/login", hasCookie=False),
        rules=("redirected", "redirect-loop"),
    ),
    nearly(
        "two-redirects-in-one-trace",
        take("64d5").event("middleware GET", "middleware.redirect", 900, to="/login", hasCookie=False),
        rules=("redirected",),
        why="two are no loop",
    ),
    bad("401-without-a-reason", take("1bae").without_event("auth.failed").calm(CHECK), rules=("unexplained-401",)),
    nearly(
        "403-without-a-reason",
        take("1bae").without_event("auth.failed").calm(CHECK).say("POST /api/progress", "http.status_code", 403),
        why="forbidden is not unauthorised",
    ),
)

ERRORS = (
    bad("search-crashes", take("5ded"), rules=("exception",)),
    bad("foreign-key", take("c7ae"), rules=("exception",), why="three red spans, one cause"),
    bad("note-conflict", take("9571"), rules=("exception",)),
    bad("redis-handshake", take("6c1f"), rules=("exception",), why="told as a note: the request was answered 200"),
    bad("failed-without-exception", take("5ded").without_event("exception"), rules=("error",)),
    bad("progress-refused", take("34a1"), rules=("progress-refused",)),
)

VIDEO = (
    bad(
        "slow-resume",
        take("a630").event("video.resume", "video.loaded", -520),
        rules=("resume-gap",),
        why="640 ms",
    ),
    nearly("quick-resume", take("a630").event("video.resume", "video.loaded", -360), why="480 ms"),
    bad("resumed-at-zero", take("4ad0"), rules=("resume-mismatch",)),
    bad(
        "three-stalls",
        take("d3da")
        .event("video.load", "video.buffering", 901, position=7, stalledMs=300)
        .event("video.load", "video.buffering", 9_000, position=15, stalledMs=250)
        .event("video.load", "video.buffering", 30_000, position=22, stalledMs=250),
        rules=("buffering",),
    ),
    nearly(
        "one-stall", take("d3da").event("video.load", "video.buffering", 901, stalledMs=300), why="one is no trouble"
    ),
    nearly(
        "two-stalls-far-apart",
        take("d3da")
        .event("video.load", "video.buffering", 1_000, stalledMs=300)
        .event("video.load", "video.buffering", 31_100, stalledMs=300),
        why="30.1 s apart",
    ),
    bad("slow-load-nobody-to-blame", take("9896"), rules=("slow-load",), why="1.6 s; one stall"),
    bad("slow-load-by-s3", take("4785").stretch(SIGN, 900), rules=("slow-load",), why="1.39 s, 0.9 s of it in S3"),
    nearly("load-of-one-second", take("d3da").stretch("video.load", 95), why="995 ms"),
    bad(
        "resume-before-load",
        take("a630").event("video.resume", "video.loaded", 125),
        rules=("event-order",),
        why="5 ms too early",
    ),
    nearly(
        "resume-with-load", take("a630").event("video.resume", "video.loaded", 120.5), why="within the clock’s step"
    ),
    bad("access-before-check", take("a131").shift_span(CHECK, 40), rules=("event-order",)),
)

PERFORMANCE = (
    bad("slow-signing", take("a131").idle_after("get", 1_000), rules=("slow-span",), why="S3 took a second"),
    nearly("signing-below-the-limit", take("a131").idle_after("get", 900), why="962 ms, and S3’s time is no gap"),
    bad("backfill", take("9ad8"), rules=("long-running",), why="3 h"),
    bad("transcode", take("29a7"), rules=("slow-span",), why="3.1 s in a worker: a note"),
    bad("gap-in-own-code", take("4b61").idle_after(OPERATION, 600), rules=("unaccounted-gap",)),
    nearly("short-gap-in-own-code", take("4b61").idle_after(OPERATION, 450), why="450 ms"),
    nearly(
        "gap-with-an-event",
        take("4b61").idle_after(OPERATION, 900).event(UPDATE, "checkpoint", 450),
        why="an event tells what happened half-way",
    ),
)

DATABASE = (
    bad("slow-statement", take("4b61").stretch(INSERT, 120), rules=("slow-database",), why="two spans, one query"),
    nearly("statement-below-the-limit", take("4b61").stretch(INSERT, 95), why="97 ms"),
    bad("slow-redis", take("a131").stretch("get", 110), rules=("slow-database",)),
    nearly(
        "redis-that-waits-on-purpose",
        take("a131").stretch("get", 500).say("get", "db.query.text", "bzpopmin bull:progress-analytics:marker 5"),
        why="BullMQ’s workers wait for a job in it",
    ),
    bad(
        "waited-for-a-connection", take("4b61").idle_before(INSERT, 120), rules=("pool-wait",), why="no slow statement"
    ),
    nearly("short-wait-for-a-connection", take("4b61").idle_before(INSERT, 90), why="90 ms"),
    bad("first-connection", take("9b6b"), rules=("pool-wait",), why="120 ms to connect"),
    bad("ten-quick-repeats", take("6fcc"), rules=("n-plus-one",), why="26 ms in all"),
    bad("five-slow-repeats", take("0d7f").stretch(SELECT, 12).again(OPERATION, 20, 4), rules=("n-plus-one",)),
    bad("eight-quick-repeats", take("0d7f").again(OPERATION, 4, 7), rules=("n-plus-one",)),
    nearly("seven-quick-repeats", take("0d7f").again(OPERATION, 4, 6), why="8 ms in all"),
    nearly("four-slow-repeats", take("0d7f").stretch(SELECT, 30).again(OPERATION, 40, 3), why="four are too few"),
    bad("report", take("e51e"), rules=("slow-database", "sequential-calls")),
)

CALLS = (
    bad("video-asked-for-twice", take("4785").again("HTTP GET", 300), rules=("duplicate-calls",)),
    nearly("video-asked-for-again", take("4785").again("HTTP GET", 1_100), why="1.1 s later"),
    bad(
        "three-calls-in-sequence",
        take("0d7f").stretch(SELECT, 90).again(OPERATION, 110, 2, OTHER),
        rules=("sequential-calls",),
    ),
    nearly(
        "three-calls-side-by-side",
        take("0d7f").stretch(SELECT, 90).again(OPERATION, 10, 2, OTHER),
        why="they overlap",
    ),
    nearly(
        "two-calls-in-sequence",
        take("0d7f").stretch(SELECT, 90).again(OPERATION, 110, 1, OTHER),
        why="94 ms",
    ),
    bad("twenty-two-calls", take("0d7f").again(OPERATION, 1, 21, OTHER), rules=("wide-fan-out",)),
    nearly("twenty-calls", take("0d7f").again(OPERATION, 1, 19, OTHER), why="20 are not more than 20"),
    bad("job-that-waited", take("9af4").shift_service(WORKER, 1_100), rules=("queue-wait",)),
    nearly("job-that-waited-a-little", take("9af4").shift_service(WORKER, 900), why="900 ms"),
)

COMPLETENESS = (
    bad("span-lost", take("4b61").without(UPDATE), rules=("orphan-spans",)),
    bad("root-lost", take("4b61").without("POST /api/progress"), rules=("orphan-spans", "lost-root")),
    bad("import-killed", take("445f"), rules=("orphan-spans", "lost-root")),
    nearly("leaf-lost", take("4b61").without(INSERT), why="nothing in the trace shows that it is missing"),
    bad("web-clock-behind", take("4785").shift_service("diamond-district-web", -120), rules=("clock-skew",)),
    bad("worker-clock-behind", take("9af4").shift_service(WORKER, -80), rules=("clock-skew",)),
    nearly("web-clock-almost-right", take("4785").shift_service("diamond-district-web", -40), why="40 ms"),
    bad("limits", take("bec0"), rules=("dropped-counts",)),
)

SINGLE_TRACES: tuple[Scenario, ...] = (
    *PLAIN,
    *AUTH,
    *ERRORS,
    *VIDEO,
    *PERFORMANCE,
    *DATABASE,
    *CALLS,
    *COMPLETENESS,
)

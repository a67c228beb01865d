"""Rules about signing in and staying signed in, within one trace."""

from collections.abc import Callable, Iterable

from diamond_viewer.diagnosis.bursts import bursts
from diamond_viewer.diagnosis.facts import Happening, TraceFacts, Work
from diamond_viewer.diagnosis.finding import Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    AUTHORIZE,
    CREDENTIALS_MISSING,
    PROGRESS_ROUTE,
    REDIRECT,
    REFUSALS,
    VIDEO_ROUTE,
    has_cookie,
    is_sign_in_page,
    times,
    words,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import KIND_SERVER
from diamond_viewer.telemetry.units import format_duration

_EXPLAINING = (AUTH_FAILED, CREDENTIALS_MISSING)


def no_cookie(facts: TraceFacts) -> tuple[Finding, ...]:
    """``auth.failed`` with ``hasCookie=false``: the browser sent no session cookie.

    Origin: the platform's auth failure pattern. A sign-in never has a cookie yet, so ``sign-in-refused`` tells that one.
    """
    return _lost(
        facts,
        "no-cookie",
        False,
        "Session lost: auth.failed, no cookie was sent",
        "See whether the browser blocks cookies, and whether the cookie’s domain, SameSite and Secure fit this address.",
    )


def cookie_rejected(facts: TraceFacts) -> tuple[Finding, ...]:
    """``auth.failed`` with ``hasCookie=true``: a cookie came, and no session stands behind it.

    Origin: the platform's auth failure pattern.
    """
    return _lost(
        facts,
        "cookie-rejected",
        True,
        "Session rejected: auth.failed although a cookie was sent",
        "See whether the session expired or was revoked, and whether the signing secret changed with a release.",
    )


def auth_failed(facts: TraceFacts) -> tuple[Finding, ...]:
    """``auth.failed`` that does not say whether a cookie was sent. Origin: the platform's auth failure pattern."""
    return _lost(
        facts,
        "auth-failed",
        None,
        "Session check failed: auth.failed, and whether a cookie was sent is not recorded",
        "Record hasCookie with auth.failed: it tells a lost cookie from an expired session.",
    )


def sign_in_refused(facts: TraceFacts) -> tuple[Finding, ...]:
    """``auth.failed`` of a sign-in itself: a wrong password, an unknown address.

    Origin: NextAuth's ``authorize``, where ``hasCookie=false`` says nothing of a lost session.
    """

    def sentence(happening: Happening, count: int) -> str:
        reason = words(happening.event.attributes.get("reason"))
        why = REFUSALS.get(reason, reason.replace("_", " "))
        return f"Sign-in refused{_repeated(count)}{': ' + why if why else ''}."

    refused = [one for one in facts.events.get(AUTH_FAILED, ()) if _of_sign_in(facts, one)]
    return _grouped(
        facts,
        "sign-in-refused",
        Severity.WARNING,
        refused,
        sentence,
        "Ask which address was used and when the password was last changed.",
        lambda one: words(one.event.attributes.get("reason")),
    )


def missing_credentials(facts: TraceFacts) -> tuple[Finding, ...]:
    """``auth.credentials.missing``: the sign-in form arrived without an address or a password. Origin: the platform."""

    def sentence(happening: Happening, count: int) -> str:
        said = happening.event.attributes
        lacks_email, lacks_password = said.get("auth.has_email") is False, said.get("auth.has_password") is False
        both = lacks_email == lacks_password
        what = "no e-mail address and no password" if both else "no e-mail address" if lacks_email else "no password"
        return f"Sign-in refused{_repeated(count)}: {what} arrived."

    return _grouped(
        facts,
        "missing-credentials",
        Severity.WARNING,
        facts.events.get(CREDENTIALS_MISSING, ()),
        sentence,
        "See whether the form was sent empty: autofill, a script that calls it, or a field that was renamed.",
        lambda one: "",
    )


def redirected_to_sign_in(facts: TraceFacts) -> tuple[Finding, ...]:
    """``middleware.redirect`` to a sign-in page, unless an ``auth.failed`` of the same trace tells more.

    A note without a cookie (anyone may arrive signed out), a warning when the cookie was there. Origin: the platform.
    """
    redirects = [one for one in facts.events.get(REDIRECT, ()) if leads_to_sign_in(one)]
    if not redirects or AUTH_FAILED in facts.events:
        return ()
    findings: list[Finding] = []
    for cookie, why in ((True, "although a cookie was sent"), (False, "no cookie was sent"), (None, "")):
        these = [one for one in redirects if has_cookie(one.event) is cookie]

        def sentence(happening: Happening, count: int, why: str = why) -> str:
            said = happening.event.attributes
            origin = f" from {words(said.get('from'))}" if words(said.get("from")) else ""
            comma = "" if not why else " " if why.startswith("although") else ": "
            return f"Redirected to {words(said.get('to'))}{origin}{_repeated(count)}{comma}{why}."

        findings += _grouped(
            facts,
            "redirected",
            Severity.WARNING if cookie else Severity.NOTE,
            these,
            sentence,
            "If this person was signed in before, see what ended the session; otherwise this is how it should be.",
            lambda one: str(has_cookie(one.event)),
        )
    return tuple(findings)


def redirect_loop(
    facts: TraceFacts, *, redirect_loop_count: float = 3, redirect_loop_window_ms: float = 10_000
) -> tuple[Finding, ...]:
    """Sent to sign in again and again within one trace. Over several traces ``journey.redirect_loop`` tells it.

    Origin: three in ten seconds, the platform's support rule.
    """
    redirects = [one for one in facts.events.get(REDIRECT, ()) if leads_to_sign_in(one)]
    found = bursts([one.time_ns for one in redirects], redirect_loop_count, redirect_loop_window_ms)
    if not found:
        return ()
    looped = [redirects[place] for place in found[0]]
    took_ns = looped[-1].time_ns - looped[0].time_ns
    target = words(looped[0].event.attributes.get("to"))
    return (
        Finding(
            "redirect-loop",
            Severity.PROBLEM,
            f"Caught in a redirect loop: sent to {target} {times(len(looped))} within {format_duration(took_ns)}.",
            facts.evidence(one.row for one in looped),
            fingerprint_of("redirect-loop", target),
            "See what the sign-in page does with this person’s cookie: it is not there, or not accepted, after signing in.",
            looped[0].time_ns,
            (("redirect_loop_count", redirect_loop_count), ("redirect_loop_window_ms", redirect_loop_window_ms)),
            took_ns,
        ),
    )


def unexplained_401(facts: TraceFacts) -> tuple[Finding, ...]:
    """A request answered with 401 and no event that says why; or a call whose server left no span.

    Origin: absence detection: a 401 belongs to an ``auth.failed``.
    """
    refused: list[tuple[int, Work | None]] = [
        (work.first, work) for work in facts.works if work.is_request and work.status == 401
    ]
    if not refused and not facts.events.keys() & set(_EXPLAINING):
        refused += [(row, None) for row in _refused_calls(facts)]
    explained = {facts.work_of[one.row] for name in _EXPLAINING for one in facts.events.get(name, ())}
    findings = []
    for row, work in refused:
        span = facts.spans[row]
        if facts.work_of[row] in explained:
            continue
        name = work.name if work else _call_name(facts, row)
        findings.append(
            Finding(
                "unexplained-401",
                Severity.WARNING,
                f"{name} {'answered' if work else 'was answered'} 401, and no auth event says why.{_consequence(work)}",
                facts.evidence([row]),
                fingerprint_of("unexplained-401", name),
                "See who answers before the session check: a proxy, the middleware, or a check that records nothing.",
                span.start_ns,
            )
        )
    return tuple(findings)


def leads_to_sign_in(happening: Happening) -> bool:
    return is_sign_in_page(words(happening.event.attributes.get("to")))


def _lost(facts: TraceFacts, rule: str, cookie: bool | None, opening: str, next_step: str) -> tuple[Finding, ...]:
    failed = facts.events.get(AUTH_FAILED)
    if not failed:
        return ()
    these = [one for one in failed if has_cookie(one.event) is cookie and not _of_sign_in(facts, one)]

    def sentence(happening: Happening, count: int) -> str:
        work = facts.work(happening.row)
        redirect = next((one for one in facts.events.get(REDIRECT, ()) if leads_to_sign_in(one)), None)
        then = f", then redirected to {words(redirect.event.attributes.get('to'))}" if redirect else ""
        answer = f"; {work.answered}" if work.status else ""
        return f"{opening}{_repeated(count)}{then}{answer}.{_consequence(work)}"

    return _grouped(facts, rule, Severity.PROBLEM, these, sentence, next_step, lambda one: facts.work(one.row).name)


def _grouped(
    facts: TraceFacts,
    rule: str,
    severity: Severity,
    happenings: Iterable[Happening],
    sentence: Callable[[Happening, int], str],
    next_step: str,
    what: Callable[[Happening], str],
) -> tuple[Finding, ...]:
    """One finding for all happenings of the same ``what``: five refused calls are one trouble."""
    groups: dict[str, list[Happening]] = {}
    for happening in happenings:
        groups.setdefault(what(happening), []).append(happening)
    return tuple(
        Finding(
            rule,
            severity,
            sentence(group[0], len(group)),
            facts.evidence(one.row for one in group),
            fingerprint_of(rule, key),
            next_step,
            group[0].time_ns,
        )
        for key, group in groups.items()
    )


def _repeated(count: int) -> str:
    return "" if count == 1 else f" {times(count)}"


def _of_sign_in(facts: TraceFacts, happening: Happening) -> bool:
    return facts.spans[happening.row].name == AUTHORIZE or facts.work(happening.row).is_sign_in


def _consequence(work: Work | None) -> str:
    """What it meant for the person, where the address tells."""
    if work is None or work.status < 400:
        return ""
    address = work.route or work.target
    if address.startswith(VIDEO_ROUTE):
        return " The video could not start."
    if address.startswith(PROGRESS_ROUTE):
        return " The progress was not saved." if work.method == "POST" else " The progress was not shown."
    return ""


def _refused_calls(facts: TraceFacts) -> list[int]:
    """Calls answered with 401 below which no server of ours left a span."""
    return [
        row
        for row in facts.calls
        if semconv.request_facts(facts.spans[row].attributes).status == 401
        and not any(facts.spans[below].kind == KIND_SERVER for below in facts.subtree(row))
    ]


def _call_name(facts: TraceFacts, row: int) -> str:
    said = semconv.request_facts(facts.spans[row].attributes)
    target = said.target.partition("?")[0]
    return f"{said.method} {target}".strip() or facts.spans[row].name

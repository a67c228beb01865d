import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry import secret_texts
from diamond_viewer.telemetry.secret_texts import redact_text
from diamond_viewer.telemetry.secret_values import REDACTED
from tests.telemetry.proportion import takes_time_in_proportion

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
JWE = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..IV8-_.Y2lwaGVy.dGFn"
R = REDACTED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # addresses
        ("postgres://app:hunter2@db:5432/x", f"postgres://{R}:{R}@db:5432/x"),
        ("redis://:hunter2@cache", f"redis://{R}:{R}@cache"),
        ("https://ghp_hunter2@git.example/x.git", f"https://{R}@git.example/x.git"),
        ("https://u:p@ss@host/a@b", f"https://{R}:{R}@host/a@b"),
        ("to https%3A%2F%2Fu%3Ahunter2%40host%2F", f"to https%3A%2F%2F{R}%40host%2F"),
        ("/v.mp4?X-Amz-Signature=dead&partNumber=3", f"/v.mp4?X-Amz-Signature={R}&partNumber=3"),
        ("/v?X-Amz-Algorithm=AWS4&x_amz_credential=A%2Fb&e=1", f"/v?X-Amz-Algorithm=AWS4&x_amz_credential={R}&e=1"),
        ("/v?X%2DAmz%2DSecurity%2DToken=dead#t=1", f"/v?X%2DAmz%2DSecurity%2DToken={R}"),
        ("/v?X-Goog-Signature=a&X-Goog-Date=b&k=c", f"/v?X-Goog-Signature={R}&X-Goog-Date={R}&k=c"),
        ("/v?AWSAccessKeyId=AKIA&Signature=de%2Fad%3D&Expires=1", f"/v?AWSAccessKeyId={R}&Signature={R}&Expires=1"),
        ("/v?SIG=dead;se=2026", f"/v?SIG={R};se=2026"),
        ("/r?to=https%3A%2F%2Fb%2Fv%3Fsig%3Ddead%26part%3D3", f"/r?to=https%3A%2F%2Fb%2Fv%3Fsig%3D{R}%26part%3D3"),
        ("/r?to=%253Ftoken%253Ddead%2526part%253D3", f"/r?to=%253Ftoken%253D{R}%2526part%253D3"),
        ("/reset?token=dead&user[password]=x", f"/reset?token={R}&user[password]={R}"),
        # cookies and headers
        (
            "a=b; next-auth.session-token=dead.beef; c=d",
            f"a=b; next-auth.session-token={R}; c=d",
        ),
        ("__Host-next-auth.csrf-token=x%7Cy; lang=de", f"__Host-next-auth.csrf-token={R}; lang=de"),
        ("__Secure-authjs.session-token.1=x", f"__Secure-authjs.session-token.1={R}"),
        ("authjs.callback-url=https%3A%2F%2Fx", f"authjs.callback-url={R}"),
        ("GET / HTTP/1.1\r\nCookie: a=b; c=d\r\nAccept: x", f"GET / HTTP/1.1\r\nCookie: {R}\r\nAccept: x"),
        ("Set-Cookie: sid=dead; Path=/", f"Set-Cookie: {R}"),
        ("Authorization: Digest username=x", f"Authorization: {R}"),
        ("x-api-key: 12345", f"x-api-key: {R}"),
        # tokens
        (f"sent Bearer {JWT} twice", f"sent Bearer {R} twice"),
        ("authorization failed for bearer abc123", f"authorization failed for bearer {R}"),
        ("Basic YWxhZGRpbjpvcGVuc2VzYW1l", f"Basic {R}"),
        (f"jwt expired ({JWT})", f"jwt expired ({R})"),
        (f"at verify ({JWE}) line 3", f"at verify ({R}) line 3"),
        (f"x_{JWT},{JWE}", f"x_{R},{R}"),
        (f"?a%3D{JWT}", f"?a%3D{R}"),
        (JWT.rpartition(".")[0], R),
        ("a made-up eyJfake-token.aaa.bbb", f"a made-up {R}"),
        # JSON, logfmt, SQL, JavaScript
        ('{"password":"hunter2","a":1}', f'{{"password":"{R}","a":1}}'),
        ('{"password" : 1234, "tokens": 5, "token": null}', f'{{"password" : {R}, "tokens": 5, "token": null}}'),
        (r'"{\"apiKey\":\"hunter2\",\"b\":\"c\"}"', rf'"{{\"apiKey\":\"{R}\",\"b\":\"c\"}}"'),
        (r'{"secret":"a\"b","c":"d"}', rf'{{"secret":"{R}","c":"d"}}'),
        ('{"set-cookie":["a=b","c=d"],"e":1}', f'{{"set-cookie":[{R}],"e":1}}'),
        ('{"credentials":{"user":"ada","password":"hunter2"}}', f'{{"credentials":{{{R}}}}}'),
        ("{ user: 'ada', password: 'hunter2' }", f"{{ user: 'ada', password: '{R}' }}"),
        ("Server=db;User=ada;Password=hun#ter2;", f"Server=db;User=ada;Password={R};"),
        ('level=info client_secret="hunter 2" a=b', f'level=info client_secret="{R}" a=b'),
        ('UPDATE "User" SET "password" = \'hunter2\'', f'UPDATE "User" SET "password" = \'{R}\''),
        ("login failed, password: hunter2", f"login failed, password: {R}"),
        ("token: 0123456789abcdef0123", f"token: {R}"),
        ("token= aHVudGVyMg==", f"token= {R}"),
        ('{"token":"cut off he', f'{{"token":"{R}'),
    ],
)
def test_a_secret_is_taken_out_and_what_stands_beside_it_stays(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    long = text + "\n" + "x" * 300  # beyond what is remembered
    assert redact_text(long).startswith(shown) or text.endswith("cut off he")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /api/video/[lessonId]",
        'SELECT "public"."Session"."sessionToken" FROM "Session" WHERE "sessionToken" = $1 AND 1=1',
        'SELECT * FROM "User" JOIN "Session" ON "User"."token" = "Session"."token" WHERE "password" = ?',
        "evalsha 1e9bb7deb6219644a634d32c430ce15ed39a377e 9 bull:progress:token",
        "SyntaxError: Unexpected token: } in JSON at position 3",
        "Invalid token: signature expired",
        "password: Required",
        "Bearer token missing",
        'WWW-Authenticate: Bearer realm="api", error="invalid_token"',
        "basic authentication is off; Basic Authentication",
        "http://127.0.0.1:3000/api/search?q=Facet%20%26%20%C3%BCmlaut",
        "https://medium.com/@ada/post?mail=a@b.example",
        "hasCookie=false token=undefined session= password=true",
        "keyJsonSerializer.write.flush eyJ.a eyJson",
        "at Object.<anonymous> (/srv/auth/session.js:12:3)",
        "es=s:1,rojo=00f067aa0ba902b7",
        "tokens=812 max_tokens=4096",
        "signal=15 sigma=2 design=3",
    ],
)
def test_ordinary_text_comes_back_as_it_was(text: str) -> None:
    assert redact_text(text) is text


PIECES = st.sampled_from(
    [
        *(
            "a",
            " ",
            "=",
            ":",
            '"',
            "'",
            "\\",
            "&",
            "%",
            "%3D",
            "%26",
            "://",
            "@",
            "eyJ",
            ".",
            "token",
            "password",
            "Bearer ",
        ),
        *("sig", "Cookie", "next-auth.", "REDACTED", "[", "]", "{", ",", "\n", "0", "ß", "\x00", "\ud800"),
    ]
)


@given(st.lists(PIECES).map("".join))
def test_nothing_is_found_in_what_was_redacted_and_nothing_breaks(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == redact_text(redact_text(once))


ALNUM = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1)
WRITTEN = st.sampled_from(
    [
        '{{"n":1,"password":"{}","m":2}}',
        "/a?b=c&X-Amz-Signature={}&d=e",
        "x; authjs.session-token={}; y",
        "db://u:{}@h/",
        "f?to=%3Fsig%3D{}%26x",
        "jwt eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.{} end",
        "Authorization: Basic {}\nnext",
        "pwd={} x",
    ]
)


@given(st.text(max_size=400), WRITTEN, ALNUM.map(lambda secret: f"s3cret{secret}"), st.text(max_size=400))
def test_no_secret_survives_in_any_surroundings(before: str, written: str, secret: str, after: str) -> None:
    assert secret not in redact_text(f"{before} {written.format(secret)} {after}").replace(before, "").replace(
        after, ""
    )


HOSTILE = [
    *("a", "eyJ", "eyJ.", "eyJaaaaaaaa.", "&sig=", "=", "a=", ":", "%3D", "%3Dx", "token:", "token=$1", "token=1 "),
    *("cookie:", "authorization:", "://", "://a@", "%3a%2f%2f", '"token":"', r"\"token\":\"$1", "token='", '"token":['),
    *(
        "token:[1,2] ",
        "%25",
        "a:b@://",
        "next-auth.",
        "Bearer%20",
        "basic+A1B2C3D4 ",
        "\\",
        "'",
        "bearer ",
        "bearer      ",
    ),
    *("password: x ", " \t=", "token = ", "cookie=;", "cookie=a;", "cookie: a=b "),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    assert takes_time_in_proportion(unit, 20_000)


def test_what_one_rule_takes_out_hides_nothing_that_another_one_knows() -> None:
    assert (
        redact_text(f"Basic dXNlcjpwYXNz{JWT}") == f"Basic {REDACTED}"
    )  # without the token it is base64, as credentials are


def test_a_text_that_never_comes_to_rest_is_redacted_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_texts, "MAX_PASSES", 1)
    secret_texts.forget()
    assert redact_text(f"sent {JWT}") == REDACTED
    assert redact_text("sent nothing") == "sent nothing"
    secret_texts.forget()


def test_five_million_characters_are_read_in_one_go() -> None:
    assert redact_text("a" * 5_000_000 + f" {JWT}").endswith(f" {REDACTED}")

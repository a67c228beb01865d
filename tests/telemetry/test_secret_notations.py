"""Secrets that once came out, by how they were written; and what looks like them and is none."""

import pytest

from diamond_viewer.telemetry.model import AttributeValue
from diamond_viewer.telemetry.redact import redact_attributes, redact_text
from diamond_viewer.telemetry.secret_keys import Secrecy, secrecy
from diamond_viewer.telemetry.secret_values import REDACTED
from tests.telemetry.proportion import takes_time_in_proportion

R = REDACTED
HEAD, PAYLOAD, SIGNATURE = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJlMQ"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # users in addresses whose passwords nobody encoded, or encoded twice
        ("postgres://app:hun/ter2@db/x", f"postgres://{R}:{R}@db/x"),
        ("postgres://app:12/ter2@db/x", f"postgres://{R}:{R}@db/x"),
        ("amqp://app:hun#ter2@mq, and http://x:80/@ada", f"amqp://{R}:{R}@mq, and http://x:80/@ada"),
        ("https://app:h?ter2@db/x", f"https://{R}:{R}@db/x"),
        ("dial postgres://app:it'ster2@db/x", f"dial postgres://{R}:{R}@db/x"),
        (r'{"u":"https:\/\/u:hunter2@host\/x"}', rf'{{"u":"https:\/\/{R}:{R}@host\/x"}}'),
        ("https%253A%252F%252Fu%253Ahunter2%2540host", f"https%253A%252F%252F{R}%2540host"),
        ("app:hun/ter2@tcp(db:3306)/x", f"{R}:{R}@tcp(db:3306)/x"),
        # lists and maps below a name
        ('{"token":{"value":"hunter2"},"a":1}', f'{{"token":{{{R}}},"a":1}}'),
        (r'"{\"cookies\":{\"a\":\"x}y\"},\"b\":1}"', rf'"{{\"cookies\":{{{R}}},\"b\":1}}"'),
        ('{"cookies":[["a","b"],["c","d]"]],"e":1}', f'{{"cookies":[{R}],"e":1}}'),
        ('{"set-cookie":["a=b]c","d=e"]}', f'{{"set-cookie":[{R}]}}'),
        ("{ headers: { cookie: [ 'a=b' ], host: 'x' } }", f"{{ headers: {{ cookie: [{R}], host: 'x' }} }}"),
        ("cookies: Map(1) { 'a' => { value: 'x' } }, b", f"cookies: Map(1) {{{R}}}, b"),
        ('{"credentials":{"user":"ada","pin":["hun', f'{{"credentials":{{{R}'),
        # a name and its value beside each other
        ('[["X-Api-Key","hunter2"],["Host","x"]]', f'[["X-Api-Key","{R}"],["Host","x"]]'),
        ("[('X-Api-Key', 'Hunter2')]", f"[('X-Api-Key', '{R}')]"),
        ("(b'x-api-key', b'Hunter2')", f"(b'x-api-key', b'{R}')"),
        ("[ 'Cookie', 'a=b', 'Host', 'x' ]", f"[ 'Cookie', '{R}', 'Host', 'x' ]"),
        ('[{"name":"x-api-key","value":"hunter2"}]', f'[{{"name":"x-api-key","value":"{R}"}}]'),
        ("{ name: 'sid', value: 'hunter2' }", f"{{ name: 'sid', value: '{R}' }}"),
        ('{"key":"password","value":{"stringValue":"x"}}', f'{{"key":"password","value":{{{R}}}}}'),
        ('<add key="password" value="hunter2"/>', f'<add key="password" value="{R}"/>'),
        ("<password>hunter2</password>", f"<password>{R}</password>"),
        ('<s:Password Type="x"><![CDATA[hun]]></s:Password>', f'<s:Password Type="x"><![CDATA[{R}</s:Password>'),
        ("psql --password hunter2 -h db --token 'a b'", f"psql --password {R} -h db --token '{R}'"),
        ("CREATE USER x WITH PASSWORD 'hunter2'", f"CREATE USER x WITH PASSWORD '{R}'"),
        ("CREATE USER x IDENTIFIED BY 'hunter2'", f"CREATE USER x IDENTIFIED BY '{R}'"),
        ("WHERE \"password\" LIKE 'hunter2%'", f"WHERE \"password\" LIKE '{R}'"),
        # blanks, line ends, operators, prefixes
        ('"password":        "hunter2"', f'"password":        "{R}"'),
        ("password        = hunter2", f"password        = {R}"),
        ('"password"\n:\r\n  "hunter2"', f'"password"\n:\r\n  "{R}"'),
        ("password\u200b=\u00a0hunter2", f"password\u200b=\u00a0{R}"),
        ("Cookie:\r\n a=b; c=d\r\nHost: x", f"Cookie:\r\n {R}\r\nHost: x"),
        ('"password"=>"hunter2", :token => \'x\'', f'"password"=>"{R}", :token => \'{R}\''),
        ("[password] => hunter2", f"[password] => {R}"),
        ("if password == 'hunter2' or token != 'x'", f"if password == '{R}' or token != '{R}'"),
        ("password := 'hunter2'", f"password := '{R}'"),
        ("SET password=N'hunter2', b=`x`", f"SET password=N'{R}', b=`x`"),
        ("password=b'hunter2' token=`x` pwd=<y3>", f"password=b'{R}' token=`{R}` pwd=<{R}>"),
        ("SET password='hun''ter2', a='b'", f"SET password='{R}', a='b'"),
        ("it's token='\nx password='hunter2' b", f"it's token='{R}' b"),
        ('token="\n"apiKey":"hunter2"', f'token="\n"apiKey":"{R}"'),
        ("Authorization=Token hunter2, x", f"Authorization={R}, x"),
        ("Authorization=Bearer hunter2", f"Authorization={R}"),
        ('Bearer "hunter2", Bearer%2520hunter2', f'Bearer "{R}", Bearer%2520{R}'),
        # signs that end a value elsewhere
        ("?password=hun,ter2;x'y&a=1", f"?password={R}&a=1"),
        ("password=hun\\ster2 a", f"password={R} a"),
        ("?password=@hunter2&token=:x", f"?password={R}&token={R}"),
        ("password=?hunter2 pwd=$1x", f"password={R} pwd={R}"),
        ("User{password=hunter2,name=ada}", f"User{{password={R},name=ada}}"),
        # names as programs write them
        (r"?a=1\u0026sig=dead\u0026b=2", rf"?a=1\u0026sig={R}\u0026b=2"),
        (r"?token\u003dhunter2\u0026b=2", rf"?token\u003d{R}\u0026b=2"),
        (r'{"pass\u0077ord":"hunter2"}', rf'{{"pass\u0077ord":"{R}"}}'),
        ("\uff50\uff41\uff53\uff53word=hunter2", f"\uff50\uff41\uff53\uff53word={R}"),
        ("%7B%22password%22%3A%22hunter2%22%2C%22a%22%3A1", f"%7B%22password%22%3A%22{R}%22%2C%22a%22%3A1"),
        ("auth: { user: 'x', pass: 'hunter2' } DB_PASS=y", f"auth: {{ user: 'x', pass: '{R}' }} DB_PASS={R}"),
        ("SecretKey:hunter2 token1=a userpasswordhash=b creds=c", f"SecretKey:{R} token1={R} userpasswordhash={R} creds={R}"),
        # tokens that were broken
        (f"{HEAD}.\n{PAYLOAD}.\n{SIGNATURE}\nat x", f"{R}\nat x"),
        (f"{HEAD}\n.{PAYLOAD}\n.{SIGNATURE}", R),
        (f"{HEAD}.{PAYLOAD[:8]}\n  {PAYLOAD[8:]}.{SIGNATURE}", R),
        (rf"{HEAD}.\n{PAYLOAD}.{SIGNATURE}", R),
        (f"{HEAD}%2E{PAYLOAD}%2e{SIGNATURE}", R),
        (
            "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
            f"-----BEGIN PRIVATE KEY-----{R}-----END PRIVATE KEY-----",
        ),
    ],
)  # fmt: skip
def test_a_secret_is_taken_out_however_it_is_written(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        'SELECT "password", "email" FROM "User" WHERE "token" IN ($1, $2)',
        'INSERT INTO "User" ("password","email") VALUES ($1,$2) -- type IN (\'token\',\'session\')',
        "WHERE password = :password AND token = @token AND secret = ${SECRET} AND pwd = {{pwd}}",
        "Unexpected token: { in JSON; Unexpected token: [",
        "token::text, session::int, password => password.length",
        "usage: login --password <password> | --token=<token>",
        "http://localhost:3000/@ada redis://cache:6379/0 http://[::1]:80/a@b s3://bucket/key@2x.png",
        "passed: 3, pass: 4, bypass=yes, compass=north, signature_count=2",
        '{"cookies":{},"tokens":[],"secret":{ }}',
        "<html><body>token</body></html> <pass/>",
        '{"name":"lesson","value":"x"} [["lesson","x"]] ["Host","x"]',
        f"{HEAD}\nat verify.internal",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact_text(text) is text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([["x-api-key", "hunter2"], ["host", "x"]], [["x-api-key", R], ["host", "x"]]),
        ([{"name": "Cookie", "value": "a=b"}], [{"name": "Cookie", "value": R}]),
        (
            [{"value": {"stringValue": "x"}, "key": "password"}],
            [{"value": {"stringValue": R}, "key": "password"}],
        ),
        (["Cookie", "a=b", "Host", "x"], ["Cookie", R, "Host", "x"]),
        ([b"x-api-key", b"hunter2", b"host", b"x"], [b"x-api-key", R, b"host", b"x"]),
        (["psql", "--password", "hunter2", "--token", "--help"], ["psql", "--password", R, "--token", "--help"]),
        (["a", "password", "b"], ["a", "password", "b"]),
        ([{"name": "lesson", "value": "x"}], [{"name": "lesson", "value": "x"}]),
    ],
)
def test_names_beside_their_values_are_known_in_lists_and_maps(value: AttributeValue, shown: AttributeValue) -> None:
    assert redact_attributes({"a": value}) == {"a": shown}


@pytest.mark.parametrize(
    "name",
    [
        *("next-auth.pkce.code_verifier", "http.request.cookie.authjs.callback-url", "X%2DAmz%2DSignature"),
        *("url.query.sig", "http.request.query.X-Goog-Signature", "pass\u200bword", "\uff50\uff41\uff53\uff53word"),
        *("db.pass", "token1", "userpasswordhash", "smtp.creds", "accesskeyid", "awssecretaccesskey"),
    ],
)
def test_an_attribute_s_name_is_known_however_it_is_spelt(name: str) -> None:
    assert secrecy(name)
    assert redact_attributes({name: "hunter2"}) == {name: R}


@pytest.mark.parametrize("name", ["next-auth.version", "authjs.provider", "query.name", "signature", "passed"])
def test_ordinary_names_stay(name: str) -> None:
    assert secrecy(name) is (Secrecy.ALL if name == "signature" else Secrecy.NONE)


HOSTILE = [
    *("<a", "<password>", "<password a", "--password ", "['token','", "('token','a'", "name='token',value='", "://a:"),
    *('{"token":{', "token:[", '"token":["', "eyJaaaaaaaa.\n", "eyJaaaaaaaa\n", "password '", "a:@tcp(", "%3a%2f%2fa:"),
    *(r"\u003d", r"token\u003d", "token=,a", "token='a", "token=\\", "token%3A%22", "-----BEGIN PRIVATE KEY-----"),
    *("cookie:\n ", "token \n", "identified by ", "'Cookie','a=", "token=<", "token==", "\u200b=", "token={{"),
    *("token=\u200b", "token=\u2060a", "token%3Aa", "session%253Ax-", "eyJ1\n password", "\neyJ1aaaaaaaaaaaaaaaaaa"),
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    assert takes_time_in_proportion(unit, 10_000)

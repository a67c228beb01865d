import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.secret_keys import Secrecy, parameter_secrecy, secrecy


def names(text: str) -> list[str]:
    return text.split()


SECRET = names("""
    password passwd pwd user.password PASSWORD password2 passwordHash db_password smtp-password new_password
    token access_token refreshToken id_token x-auth-token csrfToken session_token sessionToken AUTHTOKEN token.value
    secret client_secret clientSecret nextauth_secret aws.secret_access_key
    authorization Authorization http.request.header.authorization http.request.header.proxy-authorization
    cookie cookies http.request.header.cookie http.response.header.set-cookie Set-Cookie setCookie http_cookie
    api_key apiKey api-key api.key APIKey APIKEY x-api-key http.request.header.x_api_key stripe.apiKeys
    session user.session session_id sessionId JSESSIONID connect.sid PHPSESSID session.key
    credential credentials aws.credentials db.credential
    private_key privateKey signing.key encryption_key AWSAccessKeyId aws_access_key_id jwt bearer otp
    X-Amz-Signature x_amz_signature X-Amz-Credential X-Amz-Security-Token x-goog-signature X-Goog-Credential sig Signature
    next-auth.session-token __Secure-next-auth.session-token.1 __Host-authjs.csrf-token
""")

ORDINARY = names("""
    session.id session.previous_id auth.session.check session.duration session.count session.status auth.session.created
    auth.provider auth.library auth.strategy user.id lesson.id author authority next.route http.route db.query.text
    aws.s3.key aws.s3.bucket messaging.kafka.message.key key cache.key foreign_key public_key idempotency_key keyboard
    token_type token.count llm.token_count.total max_token_limit tokenizer token_endpoint tokens.total
    password.length password_required cookie.name cookie.count cookies.enabled secret.name credential.provider
    passenger compass bypass secretary cookiecutter sigma signal design signature_count code.function.signature
    X-Amz-Algorithm X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders process.pid process.command_args service.name
""")


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_name_is_known_however_it_is_spelt(name: str) -> None:
    assert secrecy(name)
    assert secrecy(name.upper().replace(".", "_")) or name[0].islower()  # all capitals hide the humps of camelCase


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_telemetry_is_not_blinded(name: str) -> None:
    assert secrecy(name) is Secrecy.NONE


@pytest.mark.parametrize("name", ["gen_ai.usage.input_tokens", "llm.tokens", "cookies", "llm.token_count.prompt"])
def test_a_number_under_a_plural_is_a_count(name: str) -> None:
    assert secrecy(name) is Secrecy.TEXT


@pytest.mark.parametrize("name", ["password", "pwd", "user.otp", "access_token", "client_secret"])
def test_a_number_can_be_a_secret_too(name: str) -> None:
    assert secrecy(name) is Secrecy.ALL


@pytest.mark.parametrize(
    "name",
    [
        "X%2DAmz%2DSignature",
        "x%252damz%252dsignature",
        "%73ig",
        "https%3A%2F%2Fb%2Fv%3Fpart%3D3%26sig",
        "next-auth.state",
    ],
)
def test_the_name_of_a_parameter_is_read_as_a_browser_reads_it(name: str) -> None:
    assert parameter_secrecy(name) is Secrecy.ALL


def test_a_name_of_five_million_characters_is_read_from_its_end() -> None:
    assert secrecy("a" * 5_000_000 + ".password")
    assert not secrecy("password" + "." * 5_000_000)


@given(st.text())
def test_any_name_has_an_answer(name: str) -> None:
    assert secrecy(name) in Secrecy
    assert parameter_secrecy(name) in Secrecy

"""Settings: every source, every refusal."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trustme

from rpcserver.server import limits
from rpcserver.settings import (
    Limits,
    LogLevel,
    Settings,
    SettingsError,
    VenueKind,
    default_data_dir,
    is_loopback,
    load_settings,
    setting_keys,
)


def write(path: Path, text: str) -> Path:
    config = path / "rpcserver.toml"
    config.write_text(text, encoding="utf-8")
    return config


def refusal(
    config: Path | None = None,
    environ: dict[str, str] | None = None,
    overrides: dict[str, object] | None = None,
) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(config, environ or {}, overrides or {})
    return str(caught.value)


def test_nothing_given_is_a_server_on_this_machine_alone() -> None:
    settings = load_settings(None, {}, {})

    assert settings == Settings(data_dir=default_data_dir())
    assert settings.url == "ws://127.0.0.1:8787/ws/stream"


def test_every_source_wins_over_the_one_before(tmp_path: Path) -> None:
    config = write(tmp_path, 'port = 1\nhost = "::1"\nlog_level = "error"\n[venue]\nseed = 7\n')
    environ = {"RPCSERVER_PORT": "2", "RPCSERVER_VENUE_SEED": "8"}

    settings = load_settings(config, environ, {"port": 3, "host": None})

    assert settings.port == 3
    assert settings.venue.seed == 8
    assert settings.log_level is LogLevel.ERROR
    assert settings.url == "ws://[::1]:3/ws/stream"


def test_the_environment_is_text_and_becomes_types(tmp_path: Path) -> None:
    environ = {
        "RPCSERVER_DATA_DIR": str(tmp_path),
        "RPCSERVER_INSECURE": "1",
        "RPCSERVER_ORIGINS": "https://a.example, https://b.example",
        "RPCSERVER_VENUE_KIND": "remote",
        "RPCSERVER_VENUE_TICK_INTERVAL": "0",
        "RPCSERVER_LIMITS_CALLS_PER_SECOND": "2.5",
    }

    settings = load_settings(None, environ, {})

    assert settings.data_dir == tmp_path
    assert settings.insecure
    assert settings.origins == ("https://a.example", "https://b.example")
    assert settings.venue.kind is VenueKind.REMOTE
    assert settings.venue.tick_interval == 0
    assert settings.limits == msgspec.structs.replace(Limits(), calls_per_second=2.5)


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "port = 99\n")

    assert load_settings(None, {"RPCSERVER_CONFIG": str(config)}, {}).port == 99


def test_a_home_directory_is_expanded() -> None:
    settings = load_settings(None, {"RPCSERVER_DATA_DIR": "~/somewhere"}, {})

    assert settings.data_dir == Path.home() / "somewhere"


def test_what_a_client_is_told_is_no_mistyped_setting() -> None:
    environ = {"RPCSERVER_TOKEN": "secret", "RPCSERVER_URL": "ws://x", "RPCSERVER_TOKEN_FILE": "y"}

    assert load_settings(None, environ, {}).port == 8787


def test_a_wrong_value_is_named_with_its_key_its_file_and_what_was_expected(
    tmp_path: Path,
) -> None:
    config = write(tmp_path, 'port = "many"\n[limits]\ncalls_burst = 0\n')

    told = refusal(config)

    assert f"{config}:1: port: expected a port, 0 (any free one) to 65535, got 'many'" in told
    assert f"{config}:3: limits.calls_burst: expected a whole number, at least 1, got 0" in told


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"RPCSERVER_PORT": "70000"}, "RPCSERVER_PORT: port: expected a port"),
        ({"RPCSERVER_INSECURE": "maybe"}, "insecure: expected true or false, got 'maybe'"),
        ({"RPCSERVER_VENUE_KIND": "real"}, 'expected "embedded" or "remote", got \'real\''),
        ({"RPCSERVER_LIMITS_AUTH_TIMEOUT": "nan"}, "limits.auth_timeout: expected seconds"),
        ({"RPCSERVER_LIMITS_AUTH_TIMEOUT": "0"}, "expected seconds, above 0"),
        ({"RPCSERVER_DATA_DIR": ""}, "data_dir: expected a path"),
        ({"RPCSERVER_PROT": "1"}, "RPCSERVER_PROT: no such setting; did you mean RPCSERVER_PORT?"),
        ({"RPCSERVER_CONFIG": "/nowhere/x.toml"}, "/nowhere/x.toml: cannot be read: No such file"),
    ],
)
def test_refusals_of_the_environment(environ: dict[str, str], told: str) -> None:
    assert told in refusal(environ=environ)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "prot: no such setting; did you mean port?"),
        ("[venue]\nsed = 1", "venue.sed: no such setting; did you mean venue.seed?"),
        ("[venus]\nseed = 1", "venus.seed: no such setting; did you mean venue.seed?"),
        ("venue = 1", "venue: expected a table [venue], got 1"),
        ("[port]\nx = 1", "port: expected a port"),
        ("insecure = 1", "insecure: expected true or false, got 1"),
        ("port = ", "is not TOML"),
    ],
)
def test_refusals_of_the_file(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(write(tmp_path, text))


def a_pair(path: Path) -> dict[str, object]:
    """A certificate and its key."""
    issued = trustme.CA().issue_cert("localhost")
    pair: dict[str, object] = {}
    for key, blob in (
        ("tls_certificate", issued.cert_chain_pems[0]),
        ("tls_key", issued.private_key_pem),
    ):
        pair[key] = path / f"{key}.pem"
        blob.write_to_path(str(pair[key]))
    return pair


def test_beyond_this_machine_only_with_tls_or_by_an_explicit_word(tmp_path: Path) -> None:
    assert "no TLS" in refusal(overrides={"host": "0.0.0.0"})

    assert load_settings(None, {}, {"host": "0.0.0.0", "insecure": True}).insecure
    encrypted = load_settings(None, {}, {"host": "0.0.0.0", **a_pair(tmp_path)})
    assert encrypted.url.startswith("wss://")


@pytest.mark.parametrize("key", ["tls_certificate", "tls_key"])
def test_a_certificate_needs_its_key(key: str) -> None:
    told = refusal(overrides={key: "c.pem"})

    assert f"the command line: {key}: expected tls_" in told
    assert "both or neither" in told


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('port = 1\nhost = "0.0.0.0"\n', 2, "host: 0.0.0.0 is reachable"),
        ("[audit]\nretention_days = 3\n", 2, "audit.retention_days: expected 0"),
        ('[venue]\nkind = "remote"\nurl = "x"\n', 3, "venue.url: expected ws://"),
        ('[webhooks.a]\nsecret = "s"\n', 2, "webhooks.a.url: expected an https address, and"),
    ],
)
def test_what_only_a_second_look_finds_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    config = write(tmp_path, text)

    assert f"{config}:{line}: {told}" in refusal(config)


@pytest.mark.parametrize("key", ["tls_certificate", "tls_key"])
def test_a_file_that_cannot_be_read_is_named_before_anything_starts(
    tmp_path: Path, key: str
) -> None:
    given = a_pair(tmp_path)
    given[key] = tmp_path / "nowhere.pem"

    told = refusal(overrides=given)

    assert f"the command line: {key}: expected a file that can be read, got " in told
    assert "nowhere.pem" in told


def test_files_that_are_no_certificate_and_its_key_are_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    pair = a_pair(tmp_path)
    mixed = pair | {"tls_key": a_pair(tmp_path / "other")["tls_key"]}
    empty = write(tmp_path, "")

    for given in (mixed, pair | {"tls_certificate": empty}):
        told = refusal(overrides=given)
        assert "the command line: tls_certificate: " in told
        assert str(given["tls_certificate"]) in told
        assert str(given["tls_key"]) in told


def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    environ = {"RPCSERVER_DATA_DIR": str(file / "data")}

    told = refusal(environ=environ)

    assert "RPCSERVER_DATA_DIR: data_dir: expected a directory that can be written" in told


def test_without_a_home_a_data_directory_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)

    assert "data_dir: expected a path: there is no home" in refusal()
    assert load_settings(None, {}, {"data_dir": tmp_path}).data_dir == tmp_path


def test_several_mistakes_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """
# a desk
prot = 1
log_level = "inof"

[venue] # of paper
"seed" = -1
url = '''
seed = 5
'''
limits.x = 1

[monitoring]
access = "Tokens"
"""
    config = write(tmp_path, text)

    assert refusal(config).splitlines() == [
        f"{config}:3: prot: no such setting; did you mean port?",
        f"{config}:11: venue.limits.x: no such setting; did you mean venue.url?",
        f'{config}:4: log_level: expected "debug", "info", "warning" or "error", got \'inof\''
        "; did you mean info?",
        f"{config}:7: venue.seed: expected a whole number, at least 0, got -1",
        f'{config}:14: monitoring.access: expected "loopback", "token" or "open", got \'Tokens\''
        "; did you mean token?",
    ]


def test_mistakes_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    """Unknown keys, wrong values, contradictions and files that cannot be read: one round."""
    config = write(
        tmp_path,
        f"""
prot = 1
host = "0.0.0.0"
port = "many"
data_dir = "{tmp_path}/rpcserver.toml/data"
tls_key = "/nowhere/key.pem"

[audit]
retention_days = 3

[venue]
kind = "remote"
url = "localhost"
seed = -1

[webhooks.desk]
url = "http://alerts.example"
secret = "short"
ca_file = "{tmp_path}/rpcserver.toml"

[webhooks.night]
secret = "staple the other one"
codes = ["exit_fialed"]
""",
    )

    lines = refusal(config).splitlines()

    named = {tuple(line.removeprefix(f"{config}:").split(": ")[:2]) for line in lines}
    assert named == {
        ("2", "prot"),
        ("3", "host"),
        ("4", "port"),
        ("5", "data_dir"),
        ("6", "tls_key"),
        ("9", "audit.retention_days"),
        ("13", "venue.url"),
        ("14", "venue.seed"),
        ("17", "webhooks.desk.url"),
        ("18", "webhooks.desk.secret"),
        ("19", "webhooks.desk.ca_file"),
        ("22", "webhooks.night.url"),
        ("23", "webhooks.night.codes"),
    }
    assert len(lines) == 14, "the key of the certificate can neither be read nor has one beside it"


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ('host = "0.0.0.0"\ninsecure = 1\n', "insecure: expected true or false"),
        ("tls_key = 1\ntls_certificate = 2\n", "expected a path"),
        ('tls_key = ""\nhost = "0.0.0.0"\ntls_certificate = 2\n', "expected a path"),
    ],
)
def test_what_was_meant_by_a_wrong_value_is_not_guessed(
    tmp_path: Path, text: str, only: str
) -> None:
    told = refusal(write(tmp_path, text)).splitlines()

    assert all(only in line for line in told), told


def test_a_mistake_in_the_writing_is_told_with_its_line(tmp_path: Path) -> None:
    assert "at line 2, column" in refusal(write(tmp_path, "port = 1\nhost = \n"))


def test_a_remote_venue_needs_an_address() -> None:
    assert "venue.url: expected ws://" in refusal(
        overrides={"venue.kind": "remote", "venue.url": "127.0.0.1"}
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("10.0.0.1", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_limits_are_those_of_the_server() -> None:
    assert msgspec.structs.asdict(Limits()) == msgspec.structs.asdict(limits.Limits())


def test_every_setting_says_what_it_expects(tmp_path: Path) -> None:
    for key in (each.replace("*", "desk") for each in setting_keys()):
        table, _, name = key.rpartition(".")
        text = f"[{table}]\n{name} = [[]]\n" if table else f"{name} = [[]]\n"

        assert f"{key}: expected " in refusal(write(tmp_path, text))


# --- tables that people name ---------------------------------------------------------------------

DESK = """
[webhooks.desk]
url = "https://alerts.example/hook"
secret = "correct horse battery"
codes = ["exit_failed"]

[webhooks.night]
url = "http://127.0.0.1:9/hook"
secret = "staple the other one"
"""


def test_a_table_has_the_name_that_people_gave_it(tmp_path: Path) -> None:
    environ = {"RPCSERVER_WEBHOOKS_NIGHT_SECRET": "from the environment"}

    webhooks = load_settings(write(tmp_path, DESK), environ, {}).webhooks

    assert list(webhooks) == ["desk", "night"]
    assert webhooks["desk"].codes == ("exit_failed",)
    assert webhooks["night"].secret == "from the environment"
    assert webhooks["night"].timeout == 5.0


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("url = ", "ulr = ", "rpcserver.toml:3: webhooks.desk.ulr: no such setting"),
        ('url = "https://alerts.example/hook"\n', "", "webhooks.desk.url: expected an https"),
        ("https://alerts", "http://alerts", "webhooks.desk.url: expected https: alerts would"),
        ("https://alerts", "ftp://alerts", "webhooks.desk.url: expected https://alerts.example"),
        ("//alerts", "//me:pw@alerts", "webhooks.desk.url: expected no user"),
        ("https://alerts.example", "https://[", "webhooks.desk.url: expected https://alerts"),
        ("exit_failed", "exit_fialed", "webhooks.desk.codes: there is no alert 'exit_fialed'"),
        ("webhooks.desk", "webhooks.DESK", "webhooks.DESK: expected a name of a-z"),
        ("webhooks.desk", 'webhooks."a/b"', "webhooks.a/b: expected a name of a-z"),
        ("correct horse battery", "short", "webhooks.desk.secret: expected a text of at least 16"),
        ("codes = [", 'ca_file = "/none"\ncodes = [', "webhooks.desk.ca_file: expected a file"),
    ],
)
def test_a_webhook_that_cannot_be_meant_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    told = refusal(write(tmp_path, DESK.replace(old, new, 1)))

    assert complaint in told
    assert "horse" not in told
    assert "'short'" not in told


def test_an_empty_table_lacks_what_it_needs(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, "[webhooks.desk]\n"))

    assert "webhooks.desk.url: expected an https address, and it is not given" in told
    assert "webhooks.desk.secret: expected a text" in told


def test_a_value_where_tables_are_is_refused(tmp_path: Path) -> None:
    assert "webhooks" in refusal(write(tmp_path, 'webhooks = "https://alerts.example"\n'))
    assert "webhooks.desk" in refusal(write(tmp_path, "[webhooks]\ndesk = 7\n"))

"""Where the key lives: one contract for every store, and what happens where a keyring says no."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.common import logs
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.keys import PROXY_SECRET, KeyringStore, Keys, KeyStore, MemoryStore, normalise_key, system
from desktop.keys.errors import (
    KeyringDenied,
    KeyringInsecure,
    KeyringLocked,
    KeyringMissing,
    KeyringSlow,
    KeyShape,
    KeyStoreError,
)
from desktop.settings.state import State
from tests.rig.key_contract import CONTRACT
from tests.rig.locked_service import SECRET, locked_service
from tests.rig.secret_service import run_python, secret_service, session_bus

OPENAI = "https://api.openai.com"
KEY = "sk-proj-Zq81kLmN02PwXy7Ab34Cd_56EfGh-sentinel"

# --- the contract -----------------------------------------------------------------------------------


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_memory_keeps_the_contract(promise: Callable[[KeyStore], None]) -> None:
    promise(MemoryStore())


@pytest.fixture(scope="module")
def real_results() -> dict[str, str]:
    """What became of each promise against a real Secret Service, in a process on its bus."""
    code = """
from desktop.keys import KeyringStore
from tests.rig.key_contract import hold_to_contract
hold_to_contract(lambda name: KeyringStore(f"contract {name}"))
"""
    with secret_service() as environ:
        results: dict[str, str] = json.loads(run_python(code, environ))
    return results


@pytest.mark.secret_service
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_secret_service_keeps_the_contract(
    promise: Callable[[KeyStore], None], real_results: dict[str, str]
) -> None:
    assert real_results[promise.__name__] == "kept"


# --- stores that fail --------------------------------------------------------------------------------


class Backend:
    """A keyring that does as told; `trusted` is not asked about what `choose` hands over."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._do = do

    def get_password(self, _service: str, _entry: str) -> Any:
        return self._do()

    def set_password(self, _service: str, _entry: str, _secret: str) -> None:
        self._do()

    def delete_password(self, _service: str, _entry: str) -> None:
        self._do()


def raising(error: Exception) -> Callable[[], Any]:
    def do() -> Any:
        raise error

    return do


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set at the end of the test, so that no thread outlives it."""
    event = threading.Event()
    yield event
    event.set()


def failing(kind: str, never: threading.Event) -> KeyStore:
    """A store that fails in this way."""
    import keyring.backends.fail
    import keyring.backends.null
    import keyring.errors

    def refused(backend: Any) -> Callable[[], Any]:
        return lambda: system.trusted(backend)

    choose: dict[str, Callable[[], Any]] = {
        "absent": refused(keyring.backends.fail.Keyring()),
        "locked": lambda: Backend(raising(keyring.errors.KeyringLocked("Failed to unlock the collection!"))),
        "denied": lambda: Backend(raising(keyring.errors.PasswordSetError("Cancelled by user"))),
        "hanging": lambda: Backend(never.wait),
        "hanging while it is looked for": lambda: never.wait() and Backend(never.wait),
        "null": refused(keyring.backends.null.Keyring()),
        "plaintext": refused(_plaintext()),
        "chained with plaintext": refused(_chain(_secret_service_backend(), _plaintext())),
        "broken": lambda: Backend(raising(RuntimeError(f"bug with {KEY} in it"))),
    }
    return KeyringStore("test", choose=choose[kind], platform="linux")


def _plaintext() -> Any:
    return type("PlaintextKeyring", (), {"__module__": "keyrings.alt.file"})()


def _secret_service_backend() -> Any:
    return type("Keyring", (), {"__module__": "keyring.backends.SecretService"})()


def _chain(*members: Any) -> Any:
    chain = type("ChainerBackend", (), {"__module__": "keyring.backends.chainer"})()
    chain.backends = list(members)
    return chain


def limit_for(kind: str) -> float:
    """Short where it runs out; elsewhere a busy machine must not be taken for a keyring that hangs."""
    return 0.05 if kind.startswith("hanging") else 20.0


FAILURES: tuple[tuple[str, type[KeyStoreError]], ...] = (
    ("absent", KeyringMissing),
    ("locked", KeyringLocked),
    ("denied", KeyringDenied),
    ("hanging", KeyringSlow),
    ("hanging while it is looked for", KeyringSlow),
    ("null", KeyringInsecure),
    ("plaintext", KeyringInsecure),
    ("chained with plaintext", KeyringInsecure),
    ("broken", KeyringDenied),
)


@pytest.mark.parametrize(("kind", "error"), FAILURES, ids=[kind for kind, _ in FAILURES])
@pytest.mark.parametrize("action", ["read", "save", "remove", "secret", "save_secret", "remove_secret"])
def test_checklist_04_a_keyring_that_fails_is_a_sentence_and_never_a_wait(
    kind: str,
    error: type[KeyStoreError],
    action: str,
    never: threading.Event,
    texts: Catalogue,
    french: Catalogue,
    tmp_path: Path,
) -> None:
    keys = Keys("default", "test", failing(kind, never), limit=limit_for(kind))
    calls: dict[str, Callable[[], Any]] = {
        "read": lambda: keys.read(OPENAI),
        "save": lambda: keys.save(OPENAI, KEY),
        "remove": lambda: keys.remove(OPENAI),
        "secret": lambda: keys.secret("proxy"),
        "save_secret": lambda: keys.save_secret("proxy", "pass"),
        "remove_secret": lambda: keys.remove_secret("proxy"),
    }
    with pytest.raises(error) as caught:
        calls[action]()
    for catalogue in (texts, french):
        told = caught.value.describe(catalogue)
        assert told["message"]
        assert told["hint"]
        assert KEY not in json.dumps(told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "error"), FAILURES, ids=[kind for kind, _ in FAILURES])
def test_checklist_06_where_the_keyring_fails_the_key_can_be_kept_for_this_session_only(
    kind: str, error: type[KeyStoreError], never: threading.Event
) -> None:
    keys = Keys("default", "test", failing(kind, never), limit=limit_for(kind))
    assert isinstance(keys.status(OPENAI).problem, error)
    keys.save(OPENAI, KEY, keep="session")
    assert keys.read(OPENAI) == KEY
    assert (keys.status(OPENAI).present, keys.status(OPENAI).where) == (True, "session")
    another_start = Keys("default", "test", failing(kind, never), limit=limit_for(kind))
    with pytest.raises(error):
        another_start.read(OPENAI)


@pytest.mark.parametrize(("kind", "error"), [row for row in FAILURES if row[1] in (KeyringMissing, KeyringInsecure)])
def test_with_a_key_for_this_session_it_is_still_told_that_no_keyring_can_be_used(
    kind: str, error: type[KeyStoreError], never: threading.Event
) -> None:
    keys = Keys("default", "test", failing(kind, never), limit=limit_for(kind))
    with pytest.raises(error):
        keys.read(OPENAI)
    keys.save(OPENAI, KEY, keep="session")
    status = keys.status(OPENAI)
    assert (status.present, status.where, type(status.problem)) == (True, "session", error)


def test_checklist_05_what_keyring_says_where_there_is_none_is_no_keyring_not_an_insecure_one() -> None:
    import keyring.backends.fail

    with pytest.raises(KeyringMissing):
        system.trusted(keyring.backends.fail.Keyring())
    with pytest.raises(KeyringMissing):
        system.trusted(_chain())


def test_checklist_05_a_null_backend_is_refused_and_named() -> None:
    import keyring.backends.null

    with pytest.raises(KeyringInsecure) as caught:
        system.trusted(keyring.backends.null.Keyring())
    assert caught.value.values["backend"] == "keyring.backends.null"


def test_checklist_05_a_plaintext_backend_is_refused() -> None:
    with pytest.raises(KeyringInsecure):
        system.trusted(_plaintext())


@pytest.mark.parametrize("place", [0, 1])
def test_checklist_05_a_chain_with_a_plaintext_backend_anywhere_in_it_is_refused(place: int) -> None:
    members = [_secret_service_backend()]
    members.insert(place, _chain(_plaintext()))
    with pytest.raises(KeyringInsecure):
        system.trusted(_chain(*members))


def test_of_a_chain_of_trusted_keyrings_the_first_is_used() -> None:
    from keyring.backends.kwallet import DBusKeyring
    from keyring.backends.SecretService import Keyring

    first = Keyring()
    assert system.trusted(_chain(first, DBusKeyring())) is first


def test_checklist_05_a_class_that_only_bears_a_trusted_name_is_refused() -> None:
    fake = type("Keyring", (), {"__module__": "my.SecretService"})()
    with pytest.raises(KeyringInsecure):
        system.trusted(fake)


@pytest.mark.parametrize("name", sorted(system.TRUSTED))
def test_checklist_05_a_class_that_claims_to_be_a_trusted_one_is_refused(name: str) -> None:
    module, _, kind = name.rpartition(".")
    fake = type(kind, (), {"__module__": module, "get_password": lambda *_: "sk-planted"})()
    with pytest.raises(KeyringInsecure):
        system.trusted(fake)
    with pytest.raises(KeyringInsecure):
        system.trusted(_chain(fake))


def test_checklist_05_a_trusted_class_whose_methods_are_anothers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.SecretService import Keyring

    assert system.trusted(Keyring())

    class Heir(Keyring):
        pass

    Heir.__module__, Heir.__qualname__, Heir.__name__ = Keyring.__module__, "Keyring", "Keyring"
    with pytest.raises(KeyringInsecure):
        system.trusted(Heir())
    instance = Keyring()
    vars(instance)["set_password"] = lambda *_: None
    with pytest.raises(KeyringInsecure):
        system.trusted(instance)
    monkeypatch.setattr(Keyring, "get_password", lambda *_: "sk-planted")
    with pytest.raises(KeyringInsecure):
        system.trusted(Keyring())


PLANTED = '''
"""A plaintext keyring, as keyrings.alt has one."""
from keyring.backend import KeyringBackend

class PlaintextKeyring(KeyringBackend):
    priority = 0.5
    def get_password(self, service, username):
        return "sk-planted-by-the-environment-0123456789"
    def set_password(self, service, username, password):
        open({target!r}, "a").write(password)
    def delete_password(self, service, username):
        pass

class Claims(PlaintextKeyring):
    __module__ = "keyring.backends.libsecret"
    __qualname__ = "Keyring"
'''


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with `planted.PlaintextKeyring`, which writes to `caught`."""
    (tmp_path / "planted.py").write_text(PLANTED.format(target=str(tmp_path / "caught")))
    return tmp_path


def in_child(code: str, environ: dict[str, str], planted: Path) -> Any:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ | {"PYTHONPATH": f"{root}:{planted}"},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


TRY = """
import json, sys
from desktop.common.errors import AppError
from desktop.keys import Keys
keys = Keys("default", "chatkit-desktop", frozen={frozen})
try:
    keys.save("https://api.openai.com", "sk-the-persons-own-key-0123456789")
    print(json.dumps({{"read": keys.read("https://api.openai.com"), "store": keys.store.name}}))
except AppError as error:
    print(json.dumps({{"error": type(error).__name__, "detail": error.detail}}))
"""

PLANTS: tuple[dict[str, str], ...] = (
    {"PYTHON_KEYRING_BACKEND": "planted.PlaintextKeyring"},
    {"PYTHON_KEYRING_BACKEND": "planted.Claims"},
    {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    {"PYTHON_KEYRING_BACKEND": "keyring.backends.chainer.ChainerBackend", "LOAD": "planted"},
)


@pytest.mark.secret_service
@pytest.mark.parametrize("plant", PLANTS, ids=["plaintext", "claims", "null", "chain"])
def test_checklist_05_a_planted_backend_is_refused_from_source(plant: dict[str, str], planted: Path) -> None:
    code = (f"import {plant['LOAD']}\n" if "LOAD" in plant else "") + TRY.format(frozen=False)
    with secret_service() as environ:
        result = in_child(code, environ | plant, planted)
    assert result["error"] == "KeyringInsecure"
    assert not (planted / "caught").exists()


@pytest.mark.secret_service
@pytest.mark.parametrize("plant", PLANTS, ids=["plaintext", "claims", "null", "chain"])
def test_checklist_05_a_planted_backend_is_ignored_when_frozen(plant: dict[str, str], planted: Path) -> None:
    code = (f"import {plant['LOAD']}\n" if "LOAD" in plant else "") + TRY.format(frozen=True)
    with secret_service() as environ:
        result = in_child(code, environ | plant, planted)
    assert result == {"read": "sk-the-persons-own-key-0123456789", "store": "Secret Service"}
    assert not (planted / "caught").exists()


@pytest.mark.secret_service
@pytest.mark.parametrize("frozen", [False, True])
def test_checklist_05_a_planted_configuration_file_is_refused_from_source_and_ignored_when_frozen(
    frozen: bool, planted: Path
) -> None:
    with secret_service() as environ:
        for folder in (".config/python_keyring", ".local/share/python_keyring"):
            config = Path(environ["HOME"]) / folder / "keyringrc.cfg"
            config.parent.mkdir(parents=True)
            config.write_text("[backend]\ndefault-keyring=planted.PlaintextKeyring\n")
        result = in_child(TRY.format(frozen=frozen), environ, planted)
    assert result.get("store") == ("Secret Service" if frozen else None)
    assert result.get("error") == (None if frozen else "KeyringInsecure")
    assert not (planted / "caught").exists()


@pytest.mark.secret_service
def test_checklist_05_an_installed_plaintext_backend_that_nobody_named_is_not_used(planted: Path) -> None:
    with secret_service() as environ:
        result = in_child("import planted\n" + TRY.format(frozen=False), environ, planted)
    assert result["store"] == "Secret Service"
    with session_bus() as environ:
        result = in_child("import planted\n" + TRY.format(frozen=False), environ, planted)
    assert result["error"] == "KeyringMissing"
    assert not (planted / "caught").exists()


@pytest.mark.secret_service
def test_checklist_05_a_property_planted_in_the_environment_is_taken_back_when_frozen(planted: Path) -> None:
    plant = {"KEYRING_PROPERTY_PREFERRED_COLLECTION": "/org/freedesktop/secrets/collection/session"}
    with secret_service() as environ:
        result = in_child(TRY.format(frozen=True), environ | plant, planted)
        left = in_child(TRY.replace("keys.save", "0 and keys.save").format(frozen=True), environ, planted)
    assert result["read"] == left["read"] == "sk-the-persons-own-key-0123456789"


# --- a real keyring that is locked -------------------------------------------------------------------

ASK = """
import json, time
from desktop.common.errors import AppError
from desktop.keys import Keys
import secretstorage
from keyring.backends import SecretService
waits = []
keys = Keys("default", "test", limit={limit}, unlock_limit={unlock}, on_waiting=lambda: waits.append("unlock"))
try:
    result = keys.read("https://api.openai.com")
except AppError as error:
    result = type(error).__name__
print(json.dumps({{"result": result, "waits": waits}}))
"""


@pytest.mark.secret_service
def test_checklist_04_a_locked_keyring_with_nobody_to_ask_is_a_sentence() -> None:
    with secret_service(locked=True) as environ:
        told = json.loads(run_python(ASK.format(limit=20, unlock=120), environ))
    assert told["result"] in ("KeyringDenied", "KeyringLocked")


@pytest.mark.secret_service
@pytest.mark.parametrize(
    ("answer", "unlock", "result"),
    [("after:4", 120, SECRET), ("dismiss", 120, "KeyringDenied"), ("never", 4, "KeyringLocked")],
)
def test_checklist_04_only_while_the_person_is_asked_it_may_take_longer(
    answer: str, unlock: float, result: str
) -> None:
    """The limit is half of what the person takes; the page has been told."""
    with locked_service(answer) as environ:
        told = json.loads(run_python(ASK.format(limit=2, unlock=unlock), environ))
    assert told == {"result": result, "waits": ["unlock"]}


@pytest.mark.secret_service
def test_two_reads_of_a_locked_keyring_ask_the_person_once() -> None:
    code = """
import json, secretstorage, threading
from desktop.keys import Keys
from keyring.backends import SecretService
waits, found = [], []
keys = Keys("default", "test", limit=2, unlock_limit=120, on_waiting=lambda: waits.append("unlock"))
keys.preload("https://api.openai.com")
threads = [threading.Thread(target=lambda o=o: found.append(keys.read(o))) for o in ("https://api.openai.com",) * 3]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps({"found": len(set(found)), "waits": waits, "waiting": keys.waiting}))
"""
    with locked_service("after:4") as environ:
        told = json.loads(run_python(code, environ))
    assert told == {"found": 1, "waits": ["unlock"], "waiting": False}


@pytest.mark.secret_service
def test_checklist_08_the_entry_is_gone_from_the_real_keyring() -> None:
    code = """
import json
import keyring
from desktop.keys import Keys
keys = Keys("default", "test-service")
keys.save("https://api.openai.com", "sk-one-0123456789012345")
entry = "default|https://api.openai.com"
before = keyring.get_password("test-service", entry)
keys.remove("https://api.openai.com")
print(json.dumps([before, keyring.get_password("test-service", entry)]))
"""
    with secret_service() as environ:
        assert json.loads(run_python(code, environ)) == ["sk-one-0123456789012345", None]


def test_checklist_04_a_call_that_hangs_for_good_does_not_hold_up_the_exit() -> None:
    code = """
import threading
from desktop.keys.errors import KeyringSlow
from desktop.keys import KeyringStore, Keys
class Hanging:
    def get_password(self, service, entry):
        threading.Event().wait()
keys = Keys("default", "test", KeyringStore("test", choose=Hanging), limit=0.05)
try:
    keys.read("https://api.openai.com")
except KeyringSlow:
    print("slow")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("slow\n", 0)


# --- keys --------------------------------------------------------------------------------------------


def test_checklist_31_a_key_is_found_under_the_origin_it_was_entered_for_and_no_other() -> None:
    keys = Keys("default", "test", MemoryStore())
    keys.save("https://api.openai.com/v1/", KEY)
    assert keys.read("https://API.openai.com:443") == KEY
    for other in (
        "https://api.openai.com.evil.example",
        "https://api.openai.com:8443",
        "https://openai.com",
        "http://localhost:8000",
        "http://127.0.0.1",
    ):
        assert keys.read(other) is None, other


def test_checklist_31_a_key_belongs_to_its_profile() -> None:
    store = MemoryStore()
    Keys("default", "test", store).save(OPENAI, KEY)
    assert Keys("work", "test", store).read(OPENAI) is None


def test_checklist_31_a_key_is_never_looked_up_for_an_address_that_is_not_allowed() -> None:
    keys = Keys("default", "test", MemoryStore())
    for origin in ("http://api.openai.com", "file:///etc", "https://user@api.openai.com", ""):
        with pytest.raises(AppError):
            keys.read(origin)


def test_checklist_08_removing_is_proved_by_a_fresh_read() -> None:
    class Stubborn(MemoryStore):
        def delete(self, entry: str) -> None:
            """Says nothing and does nothing."""

    keys = Keys("default", "test", Stubborn())
    keys.save(OPENAI, KEY)
    with pytest.raises(KeyringDenied):
        keys.remove(OPENAI)
    sound = Keys("default", "test", MemoryStore())
    sound.save(OPENAI, KEY)
    sound.remove(OPENAI)
    assert sound.read(OPENAI) is None
    sound.remove(OPENAI)


def test_checklist_08_removing_takes_the_session_copy_and_the_preloaded_one_too() -> None:
    keys = Keys("default", "test", MemoryStore())
    keys.save(OPENAI, KEY)
    keys.preload(OPENAI)
    keys.save(OPENAI, KEY, keep="session")
    keys.remove(OPENAI)
    assert keys.read(OPENAI) is None
    assert not keys.status(OPENAI).present


def test_checklist_09_saving_is_proved_by_a_fresh_read() -> None:
    class Forgetful(MemoryStore):
        def set(self, entry: str, secret: str) -> None:
            super().set(entry, secret[:10])

    with pytest.raises(KeyringDenied):
        Keys("default", "test", Forgetful()).save(OPENAI, KEY)


def test_checklist_09_a_save_that_fails_leaves_the_old_key() -> None:
    class Full(MemoryStore):
        full = False

        def set(self, entry: str, secret: str) -> None:
            if self.full:
                raise KeyringDenied("full")
            super().set(entry, secret)

    store = Full()
    keys = Keys("default", "test", store)
    keys.save(OPENAI, KEY)
    store.full = True
    with pytest.raises(KeyringDenied):
        keys.save(OPENAI, "sk-another-key-0123456789")
    assert keys.read(OPENAI) == KEY


def test_a_key_that_moves_from_session_to_keyring_leaves_the_session() -> None:
    store = MemoryStore()
    keys = Keys("default", "test", store)
    keys.save(OPENAI, "sk-old-0123456789012345", keep="session")
    keys.save(OPENAI, KEY)
    store.set(f"default|{OPENAI}", "sk-changed-elsewhere")
    assert keys.read(OPENAI) == "sk-changed-elsewhere"


class Counting(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.reads = 0

    def get(self, entry: str) -> str | None:
        self.reads += 1
        self.gate.wait()
        return super().get(entry)


def test_a_preloaded_key_is_read_once_and_the_next_read_is_fresh() -> None:
    store = Counting()
    store.set(f"default|{OPENAI}", KEY)
    keys = Keys("default", "test", store)
    keys.preload(OPENAI)
    assert keys.read(OPENAI) == KEY
    assert store.reads == 1
    store.set(f"default|{OPENAI}", "sk-new")
    assert keys.read(OPENAI) == "sk-new"


def test_a_preloaded_key_is_not_used_after_another_was_saved() -> None:
    store = Counting()
    keys = Keys("default", "test", store)
    keys.preload(OPENAI)
    keys.save(OPENAI, KEY)
    assert keys.read(OPENAI) == KEY


def test_a_read_that_hangs_is_waited_for_again_and_not_started_twice() -> None:
    store = Counting()
    store.set(f"default|{OPENAI}", KEY)
    store.gate.clear()
    keys = Keys("default", "test", store, limit=0.05)
    for _ in range(3):
        with pytest.raises(KeyringSlow):
            keys.read(OPENAI)
    assert store.reads == 1
    store.gate.set()
    patient = Keys("default", "test", store)
    assert patient.read(OPENAI) == KEY


def test_an_import_that_takes_longer_than_the_keyring_may_is_not_the_keyrings_fault() -> None:
    imported = threading.Event()
    store = KeyringStore(
        "test", choose=lambda: Backend(lambda: KEY), platform="linux", load=lambda: (imported.wait(60), None)[1]
    )
    keys = Keys("default", "test", store, limit=0.05)
    assert not keys.known(OPENAI, within=0.1), "the first paint waits for neither"
    threading.Timer(0.5, imported.set).start()
    assert keys.read(OPENAI) == KEY


def test_the_status_says_where_without_saying_what() -> None:
    keys = Keys("default", "test", KeyringStore("test", choose=lambda: Backend(lambda: KEY), platform="linux"))
    status = keys.status(OPENAI)
    assert (status.present, status.where, status.problem) == (True, "keyring", None)
    assert KEY not in repr(status)


def test_a_proxys_password_is_asked_of_the_keyring_only_where_the_address_names_a_user(never: threading.Event) -> None:
    broken = Keys("default", "test", failing("denied", never), limit=20)
    assert broken.proxy_password("http://proxy.example:3128") == ""
    with pytest.raises(KeyringDenied):
        broken.proxy_password("http://me@proxy.example:3128")
    keys = Keys("default", "test", MemoryStore())
    assert keys.proxy_password("http://me@proxy.example:3128") == ""
    keys.save_secret(PROXY_SECRET, "hidden")
    assert keys.proxy_password("http://me@proxy.example:3128") == "hidden"


@pytest.mark.parametrize("kind", ["absent", "null", "plaintext"])
def test_where_there_is_no_keyring_a_proxy_has_no_password_in_it(kind: str, never: threading.Event) -> None:
    keys = Keys("default", "test", failing(kind, never), limit=20)
    assert keys.proxy_password("http://me@proxy.example:3128") == ""
    keys.save_secret(PROXY_SECRET, "hidden", keep="session")
    assert keys.proxy_password("http://me@proxy.example:3128") == "hidden"


def test_checklist_07_a_key_is_known_to_the_log_from_the_moment_it_is_read_or_saved() -> None:
    keys = Keys("default", "test", MemoryStore())
    keys.save_secret("proxy", "an odd pässword")
    assert "pässword" not in logs.redact("it was 'an odd pässword'")


def test_checklist_22_a_proxy_password_is_kept_like_a_key_and_apart_from_it() -> None:
    store = MemoryStore()
    keys = Keys("default", "test", store)
    keys.save_secret("proxy", "p@ss: wörd")
    assert keys.secret("proxy") == "p@ss: wörd"
    assert keys.read(OPENAI) is None
    assert Keys("work", "test", store).secret("proxy") is None
    keys.remove_secret("proxy")
    assert keys.secret("proxy") is None


def test_an_entry_too_long_for_windows_is_said_before_it_is_tried(texts: Catalogue) -> None:
    def unreachable() -> Any:
        raise AssertionError("the keyring was asked")

    store = KeyringStore("test", choose=unreachable, platform="win32")
    with pytest.raises(KeyShape) as caught:
        store.set("entry", "é" * 1281)
    assert "2,560" in caught.value.describe(texts)["message"]


def test_a_mac_that_says_no_has_denied_it() -> None:
    import keyring.errors

    mac = type("Keyring", (Backend,), {"__module__": "keyring.backends.macOS"})
    backend = mac(raising(keyring.errors.KeyringLocked("Can't get password from keychain")))
    with pytest.raises(KeyringDenied):
        KeyringStore("test", choose=lambda: backend, platform="darwin").get("entry")


# --- what people paste -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f"  {KEY}\r\n",
        f'"{KEY}"',
        f"“{KEY}”",
        f"Bearer {KEY}",
        f"Authorization: Bearer {KEY}",
        f"OPENAI_API_KEY={KEY}",
        f"export OPENAI_API_KEY='{KEY}';",
        f'$env:OPENAI_API_KEY = "{KEY}"',
        f"\ufeff\u200b{KEY}\u00a0",
    ],
)
def test_what_was_copied_around_a_key_is_dropped(pasted: str) -> None:
    assert normalise_key(pasted) == KEY


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('""', "empty"),
        ("OPENAI_API_KEY=", "empty"),
        ("wf_68df4b13b3588190a09d19288d4610ec0df388c3983f58d1", "workflow_id"),
        ("ek_68df4b13b3588190", "client_secret"),
        ("cksess_68df4b13b3588190", "client_secret"),
        ("sk-ant-api03-abcdefghijklmnopqrstuvwxyz", "other_service"),
        ("sk-or-v1-abcdefghijklmnopqrstuvwxyz", "other_service"),
        ("sk-admin-abcdefghijklmnopqrstuvwxyz", "admin"),
        ("org-abcdefghijklmnop", "organisation"),
        ("proj_abcdefghijklmnop", "organisation"),
        ("someone@example.com", "address"),
        ("sk-proj-abc…wxyz", "masked"),
        ("sk-...AbCd", "masked"),
        ("sk-proj-************************AbCd", "masked"),
        ("sk-proj-••••••••", "masked"),
        ("sk-proj-abcdefghij klmnopqrstuvwxyz", "spaces"),
        ("sk-proj-abcdefghij\nklmnopqrstuvwxyz", "spaces"),
        ("sk-proj-abc", "too_short"),
        ("sk-" + "a" * 2000, "too_long"),
        ("my secret password", "spaces"),
        ("hunter2hunter2hunter2", "beginning"),
        ("sk-proj-аbcdefghijklmnopqrstuv", "characters"),
        ("sk-proj-abcdefghijkl/mnopqrstuv", "characters"),
    ],
)
def test_what_is_no_key_is_named_and_not_repeated(
    pasted: str, problem: str, texts: Catalogue, french: Catalogue
) -> None:
    with pytest.raises(KeyShape) as caught:
        normalise_key(pasted)
    found: Any = caught.value.values["problem"]
    assert found.key == f"problems.key.{problem}"
    assert caught.value.field == "key"
    for catalogue in (texts, french):
        told = caught.value.describe(catalogue)["message"]
        assert len(pasted.strip()) < 5 or pasted.strip() not in told


def test_another_api_may_have_keys_of_another_shape_but_never_a_workflow_id() -> None:
    assert normalise_key("anything-goes", "http://localhost:4000") == "anything-goes"
    for wrong in ("wf_123456", "two words", "ek_123456"):
        with pytest.raises(KeyShape):
            normalise_key(wrong, "http://localhost:4000")


# --- one owner of what is known --------------------------------------------------------------------


class Lasting(MemoryStore):
    """A keyring that outlives the process."""

    persistent = True


def test_checklist_08_whoever_saves_reads_or_removes_a_key_the_next_start_knows(tmp_path: Path) -> None:
    store = Lasting()

    def start() -> Keys:
        return Keys("default", "test", store, remembers=State(tmp_path / "state.json"))

    assert not start().known(OPENAI)
    start().save(OPENAI, KEY)  # as `key set` in a terminal
    assert start().known(OPENAI)
    assert not start().known("https://other.example")
    start().remove(OPENAI)
    assert not start().known(OPENAI)

    store.set(f"default|{OPENAI}", KEY)  # by a version that left no word of it
    assert not start().known(OPENAI)
    assert start().known(OPENAI, within=5)
    assert start().known(OPENAI)
    store.delete(f"default|{OPENAI}")  # by another program
    assert start().read(OPENAI) is None
    assert not start().known(OPENAI)
    store.set(f"default|{OPENAI}", KEY)
    assert start().status(OPENAI).present
    assert start().known(OPENAI)


def test_a_key_for_this_session_is_known_in_it_and_forgotten_after(tmp_path: Path) -> None:
    keys = Keys("default", "test", Lasting(), remembers=State(tmp_path / "state.json"))
    keys.save(OPENAI, KEY, keep="session")
    assert keys.known(OPENAI)
    assert not Keys("default", "test", Lasting(), remembers=State(tmp_path / "state.json")).known(OPENAI)


def test_a_start_that_knows_nothing_does_not_wait_for_a_keyring_that_hangs(
    tmp_path: Path, never: threading.Event
) -> None:
    keys = Keys("default", "test", failing("hanging", never), limit=60, remembers=State(tmp_path / "state.json"))
    assert not keys.known(OPENAI, within=0.05)

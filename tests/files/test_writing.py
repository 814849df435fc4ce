"""Writing files: whole or not at all, with the permissions and links that there were, even if the writer is killed."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
import threading

import pytest

from tg_molfield.files import atomic_write, atomic_writes, read_bytes


def write(path, content=b"new"):
    with atomic_write(path) as stream:
        stream.write(content)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Sets the umask of the process and puts it back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("error", [TypeError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_files_and_nothing_else(tmp_path, error):
    paths = [tmp_path / name for name in ("a", "b.gz")]
    paths[0].write_bytes(b"old")

    def fail() -> None:
        with atomic_writes(paths) as streams:
            streams[1].write(b"new")
            streams[0].write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert paths[0].read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == paths[:1]


def test_new_files_have_the_permissions_of_the_process_and_old_ones_keep_theirs(tmp_path, umask):
    for mask, expected in ((0o022, 0o644), (0o077, 0o600)):
        umask(mask)
        write(tmp_path / f"{mask}")
        assert mode(tmp_path / f"{mask}") == expected
    for kept in (0o600, 0o664, 0o755):
        (path := tmp_path / "old").write_bytes(b"old")
        path.chmod(kept)
        write(path)
        assert mode(path) == kept
        assert path.read_bytes() == b"new"


def test_the_umask_of_the_process_is_left_alone(tmp_path, umask):
    """Other threads make files meanwhile: none of them is open to others."""
    umask(0o077)
    stop, modes = threading.Event(), set()

    def make() -> None:
        while not stop.is_set():
            path = tmp_path / "other"
            path.write_bytes(b"")
            modes.add(mode(path))
            path.unlink()

    thread = threading.Thread(target=make)
    thread.start()
    for i in range(40):
        write(tmp_path / f"{i}")
    stop.set()
    thread.join()
    assert modes == {0o600}


def test_a_private_file_is_never_open_while_it_is_written(tmp_path, umask):
    (path := tmp_path / "a").write_bytes(b"old")
    path.chmod(0o600)
    with atomic_write(path) as stream:
        assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    real, link, dangling = tmp_path / "there" / "real", tmp_path / "link", tmp_path / "dangling"
    real.write_bytes(b"old")
    link.symlink_to(real)
    dangling.symlink_to("there/new")
    write(link)
    write(dangling)
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert real.read_bytes() == (tmp_path / "there" / "new").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["dangling", "link", "new", "real", "there"]


def test_links_to_one_file_cannot_be_written_together(tmp_path):
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ValueError, match="expected different files"), atomic_writes([tmp_path / "a", tmp_path / "b"]):
        pass


def read_only(path):
    path.write_bytes(b"old")
    path.chmod(0o444)


def kept(path):
    """What tells whether a file was replaced or changed; reading a link changes its time of access."""
    state = path.lstat()
    return state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (read_only, PermissionError, "expected a file that may be replaced, got a read-only one"),
        (lambda path: path.mkdir(), IsADirectoryError, "expected the name of a file, got a folder"),
        (os.mkfifo, ValueError, "expected a regular file or a new one, got a pipe"),
        (lambda path: path.symlink_to("/dev/null"), ValueError, "expected a regular file or a new one"),
        (lambda path: path.symlink_to(path), OSError, "expected a file, got a loop of links"),
    ],
)
def test_what_is_not_replaced(tmp_path, make, error, message):
    path = tmp_path / "a"
    make(path)
    before = kept(path)
    with pytest.raises(error, match=rf"a: {message}"), atomic_writes([tmp_path / "b", path]):
        pytest.fail("nothing is written before all targets are known to be good")
    assert kept(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_names_as_long_as_the_file_system_takes(tmp_path):
    for path in (tmp_path / ("a" * 255), tmp_path / ("é" * 126 + ".gz")):
        write(path)
        assert read_bytes(path) == b"new"
    with pytest.raises(OSError, match="got one that is too long; shorten it"):
        write(tmp_path / ("a" * 256))


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError, match="expected a folder to write to, got a file"):
        write(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "expected room for the file, got a full disk"), (errno.EACCES, "expected a folder that may be")],
)
def test_a_full_disk_and_a_missing_permission_are_named(tmp_path, number, message):
    with pytest.raises(OSError, match=rf"a: {message}") as caught, atomic_write(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert caught.value.errno == number
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["replace", "fsync", "open"])
@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_errors_do_not_name_files_that_nobody_gave(tmp_path, monkeypatch, call, names):
    (tmp_path / "a").write_bytes(b"old")

    def fail(place, *others, **options):
        if call == "fsync":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(place), None, *map(str, others[:1]))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError) as caught, atomic_writes([tmp_path / name for name in names]):  # noqa: PT011
            pass
    if call != "fsync":
        assert str(caught.value).startswith(f"{tmp_path / 'a'}: expected to ")
        assert ".staged" not in str(caught.value)
        assert "Device or resource busy" in str(caught.value)


FULL = """
import os, resource, sys
from tg_molfield.files import atomic_writes

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with atomic_writes([os.path.join(sys.argv[1], name) for name in ("a", "b.gz", "c")]) as streams:
        for stream in streams:
            for _ in range(100):
                stream.write(os.urandom(999))
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits")
def test_what_does_not_fit_leaves_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    result = subprocess.run([sys.executable, "-c", FULL, tmp_path], check=True, capture_output=True, text=True)
    assert f"{tmp_path / 'a'}: expected a file system that holds files of this size" in result.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system without new folders")
def test_a_file_system_without_new_folders_is_named():
    with (
        pytest.raises(
            FileNotFoundError, match="/proc/x/y: expected a folder in which folders can be made, got /proc/x"
        ),
        atomic_writes(["/proc/x/y"]),
    ):
        pass


def test_writers_of_one_file_at_once_do_not_disturb_each_other(tmp_path):
    paths = [tmp_path / name for name in "ab"]
    failures = []

    def save(number: int) -> None:
        try:
            for _ in range(20):
                with atomic_writes(paths) as streams:
                    for stream in streams:
                        stream.write(b"%d" % number * 1000)
                read_bytes(paths[0])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(tmp_path.iterdir()) == paths
    assert all(len(set(path.read_bytes())) == 1 and len(path.read_bytes()) == 1000 for path in paths)


REMOVED = textwrap.dedent(
    """
    import sys
    from contextlib import suppress
    from pathlib import Path
    from tg_molfield.files import atomic_writes, read_bytes
    from tg_molfield.files.staging import _HIDDEN

    paths = [Path(name).resolve() for name in sys.argv[1:]]
    hidden = paths[0].parent / _HIDDEN
    removed = []

    def remove(event, arguments):
        if event in ("os.listdir", "os.scandir") and str(arguments[0]) == str(hidden):
            with suppress(OSError):
                hidden.rmdir()
                removed.append(event)

    sys.addaudithook(remove)
    hidden.mkdir()
    with atomic_writes(paths) as streams:
        for stream in streams:
            stream.write(b"new")
    hidden.mkdir()
    print(*(read_bytes(path) for path in paths), len(removed))
    """
)


def test_another_writer_may_remove_the_empty_folder_before_it_is_listed(tmp_path):
    command = [sys.executable, "-c", REMOVED, tmp_path / "a", tmp_path / "b"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["b'new'", "b'new'", "2"], result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


KILLED = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from tg_molfield.files import atomic_writes, read_bytes

    folder, names = Path(sys.argv[1]), sys.argv[2:]
    paths = [folder / name for name in names]
    events = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "fcntl.flock"}

    def save(content):
        with atomic_writes(paths) as streams:
            for stream in streams:
                stream.write(content)

    def killed_at(step):
        left = [step]
        def kill(event, arguments):
            if event in events:
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
        child = os.fork()
        if not child:
            sys.addaudithook(kill)
            save(b"new")
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    step = 1
    outcomes = []
    while True:
        save(b"old")
        assert sorted(os.listdir(folder)) == sorted(names), os.listdir(folder)
        killed = killed_at(step)
        content = {read_bytes(path) for path in reversed(paths)}
        assert len(content) == 1, (step, content)
        outcomes.append(content.pop().decode())
        if not killed:
            break
        step += 1
    print(*outcomes)
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("names", [["a"], ["a", "b.gz", "c"]])
def test_a_writer_killed_at_any_step_leaves_all_old_files_or_all_new(tmp_path, names):
    """The process ends at its n-th system call that changes files, for every n; the next write clears what it left."""
    result = subprocess.run([sys.executable, "-c", KILLED, tmp_path, *names], capture_output=True, text=True)
    assert not result.returncode, result.stderr
    outcomes = result.stdout.split()
    assert outcomes == ["old"] * outcomes.count("old") + ["new"] * outcomes.count("new")
    assert outcomes.count("old") > 3 * len(names)
    assert outcomes.count("new") > len(names)


def test_a_save_that_cannot_be_finished_is_reported_to_who_reads_it(tmp_path):
    """The writer is killed before the first rename, and a target then becomes a folder."""
    script = KILLED.split("step = 1\n")[0] + (
        'save(b"old")\n'
        "def kill(event, arguments):\n"
        '    if event == "os.rename" and arguments[1].endswith("/a"): os._exit(9)\n'
        'sys.addaudithook(kill)\nsave(b"new")\n'
    )
    result = subprocess.run([sys.executable, "-c", script, tmp_path, "a", "b"], check=False)
    assert result.returncode == 9
    (tmp_path / "c").write_bytes(b"other")
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    assert read_bytes(tmp_path / "c") == b"other"
    with pytest.raises(
        OSError, match=r"expected to move a complete save of 2 files in place, got Is a directory; .*remove"
    ):
        read_bytes(tmp_path / "a")
    (tmp_path / "b").rmdir()
    assert read_bytes(tmp_path / "b") == read_bytes(tmp_path / "a") == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]

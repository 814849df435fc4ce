"""Reading files: limits on what gzip unfolds to, and everything that is no readable file."""

import gzip
import os
import random
import subprocess
import sys
import time
import zlib

import pytest

from tg_molfield import Volume
from tg_molfield.files import Lines, read_before_damage, read_bytes
from tg_molfield.structures import read


def zeros(size: int) -> bytes:
    """A gzip file of ``size`` zeros, made from few bytes at a time."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(size // 2**20)), packer.flush()])


def test_a_gzip_file_that_unfolds_to_gigabytes_is_refused_at_once(tmp_path):
    path = tmp_path / "a.sdf.gz"
    member = zeros(2**28)
    path.write_bytes(member * 8)
    start = time.process_time()
    with pytest.raises(ValueError, match=r"a\.sdf\.gz: expected .* at most 398 MiB .*, got 20..... bytes that unfold"):
        read_bytes(path)
    assert time.process_time() - start < 10


def test_little_content_may_be_as_monotonous_as_it_likes(tmp_path):
    path = tmp_path / "a.ccp4.gz"
    path.write_bytes(zeros(2**27))
    assert len(read_bytes(path)) == 2**27


def test_memory_limits_what_is_unfolded(tmp_path):
    path = tmp_path / "a.map.gz"
    path.write_bytes(zeros(2**27))
    script = f"""
import resource
from tg_molfield.files import read_bytes
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
try:
    read_bytes({str(path)!r})
except ValueError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "at most 64 MiB" in result.stdout


def test_members_of_a_gzip_file_are_joined_and_padding_is_no_content(tmp_path):
    path = tmp_path / "a.xyz.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + bytes(1000))
    assert read_bytes(path) == b"one\ntwo\n"
    path.write_bytes(gzip.compress(b"") * 20_000 + gzip.compress(b"three"))
    assert read_bytes(path) == b"three"


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        (lambda packed: packed[:-9], "the end is missing"),
        (lambda packed: packed[:-3], "the end is missing"),
        (lambda packed: packed[:-8] + b"12345678", "incorrect data check"),
        (lambda packed: packed + b"more", "incorrect header check"),
        (lambda packed: packed + gzip.compress(b"x")[:8], "the end is missing"),
    ],
)
def test_damaged_gzip_files_give_what_precedes_the_damage(tmp_path, change, damage):
    content = b"".join(b"%d\n" % random.Random(i).randrange(10**9) for i in range(20_000))
    path = tmp_path / "a.sdf.gz"
    path.write_bytes(change(gzip.compress(content)))
    with pytest.raises(ValueError, match=rf"a\.sdf\.gz: expected a complete gzip file, got .*{damage}"):
        read_bytes(path)
    before, said = read_before_damage(path)
    assert damage in said
    assert content.startswith(before)
    assert len(before) > len(content) - 3000


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: None, FileNotFoundError, "expected an existing file, got none"),
        (lambda path: path.mkdir(), IsADirectoryError, "expected a file, got a folder"),
        (os.mkfifo, ValueError, "expected a regular file, got a pipe"),
        (
            lambda path: path.symlink_to("/dev/zero"),
            ValueError,
            "expected a regular file, got a pipe, socket or device",
        ),
        (lambda path: path.write_bytes(b" \n"), ValueError, "expected content, got an empty file"),
        (lambda path: path.write_bytes(b""), ValueError, "expected content, got an empty file"),
        (lambda path: path.symlink_to(path), OSError, "symbolic links"),
    ],
)
def test_what_is_no_file_to_read(tmp_path, make, error, message):
    path = tmp_path / "a.sdf"
    make(path)
    with pytest.raises(error, match=message):
        read_bytes(path)


def test_another_format_and_nothing_under_the_name_of_gzip(tmp_path):
    path = tmp_path / "a.sdf.gz"
    for content, message in ((b"text", "expected a gzip file, got another format"), (b"", "got an empty file")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"a\.sdf\.gz: .*{message}"):
            read_bytes(path)


def test_a_file_larger_than_the_memory_is_refused_with_its_size(tmp_path):
    path = tmp_path / "a.cube"
    with path.open("wb") as stream:
        stream.truncate(2**43)
    with pytest.raises(MemoryError, match=r"a\.cube: expected what fits in .* needs 8192 GiB"):
        read_bytes(path)


@pytest.mark.parametrize("name", ["a.xyz", "a.sdf", "a.pdb", "a.cube", "a.dx"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_named(tmp_path, name, encoding):
    path = tmp_path / name
    path.write_bytes("\ufeff1\n\nH 0 0 0\n".removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding))
    expected = rf"{name}: expected text in UTF-8, got UTF-16; save it as UTF-8"
    with pytest.raises(ValueError, match=expected):
        (read if name[2:] in ("xyz", "sdf", "pdb") else Volume.read)(path)
    with pytest.raises(ValueError, match=expected):
        list(Lines(path))

"""Plug-ins that tests build: with the header alone, and nothing of ours linked."""

import os
import shlex
import shutil
import subprocess
import unittest

import dgramtest

FLAGS = ("-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror")

# A handler by this name that answers TEXT, with what stands before it.
ANSWERS = """
#include <dgram.h>
#include <string.h>
BEFORE
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state, (void)request, (void)size;
	memcpy(reply, TEXT, strlen(TEXT));
	return (ssize_t)strlen(TEXT);
}
static const struct dgram_handler handler = { .abi = DGRAM_ABI, .name = "NAME", .handle = handle, FIELDS };
DGRAM_PLUGIN(handler);
"""


def answers(text='"hello"', name="hello", before="", fields=".never_blocks = true"):
    """Source of a handler that answers with this expression."""
    source = ANSWERS.replace("TEXT", text).replace("NAME", name)
    return source.replace("BEFORE", before).replace("FIELDS", fields)


def compile_with():
    """A compiler and flags. ThreadSanitizer has to see what a plug-in does, too, and that by the same compiler."""
    with open(os.path.join(dgramtest.BUILD, "flags"), encoding="utf-8") as file:
        words = file.read().splitlines()[-1].split()
    if "-fsanitize=thread" in words:
        return [words[0], "-fsanitize=thread"]
    return shlex.split(os.environ.get("CC", "gcc"))


def build(path, source, *flags, compiler=None):
    """A shared object at `path` of a source, or of a file of it."""
    command = [*([compiler] if compiler else compile_with()), *FLAGS, "-I",
        os.path.join(dgramtest.TOP, "include")]
    if shutil.which(command[0]) is None:
        raise unittest.SkipTest(f"no {command[0]} here")
    language = "c++" if "++" in command[0] else "c"
    place = ["-x", language, "-"] if "\n" in source else [source]
    done = subprocess.run([*command, *flags, "-o", f"{path}.new", *place],
        input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    os.rename(f"{path}.new", path)  # never over a file that a process has open
    return path

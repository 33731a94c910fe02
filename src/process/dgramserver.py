"""Python's UDPServer, ThreadingUDPServer and ForkingUDPServer with dgramd in front of them: see dgramserver(3)."""

import contextlib
import ctypes
import errno
import fcntl
import functools
import json
import mmap
import os
import select
import shutil
import signal
import socket
import socketserver
import stat
import struct
import sys
import threading
import time

__all__ = ["BaseRequestHandler", "DatagramRequestHandler", "ForkingMixIn", "ForkingUDPServer", "ThreadingMixIn",
           "ThreadingUDPServer", "UDPServer"]

# "dgram 1", the binary form: see dgram-1(7).
_HEAD = struct.Struct("<IBBHQ")  # size of meta and data, kind, flags, size of meta, id
_QUESTION, _ANSWER, _NO_REPLY, _ERROR, _WELCOME = range(1, 6)
_MORE = 1  # the flag of an answer that others follow
_REASON_MAX = 500
_SLOW_NS = 1_000_000  # handlers that take longer do not keep their replies for the next ones'
_PR_SET_PDEATHSIG = 1
_PATIENCE_S = 0.2  # with requests that nobody handles
_FIRST_FD = 3  # SD_LISTEN_FDS_START


def _take_stream():
    """The stream of a child of dgramd, which is its standard input and output. Handlers print, so they get others."""
    try:
        if not os.path.sameopenfile(0, 1) or not stat.S_ISSOCK(os.fstat(0).st_mode):
            return None
    except OSError:
        return None
    taken = socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3))
    if (taken.family, taken.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        taken.close()
        return None
    with open(os.devnull, "rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    return taken


_given = _take_stream()


@functools.lru_cache(4096)
def _address(text):
    """As recvfrom() has it."""
    host, _, port = text.decode(errors="surrogateescape").rpartition(":")
    if not host.startswith("["):
        return host, int(port)
    scope = host[1:-1].partition("%")[2]
    names = {name: number for number, name in socket.if_nameindex()} if scope else {}
    return host[1:-1], int(port), 0, int(scope) if scope.isdigit() else names.get(scope, 0)


class _Stream:
    """Where dgramd asks, and is answered. One thread reads; a handler's threads may answer."""

    def __init__(self, sock):
        self.socket, self.fileno, self.lock = sock, sock.fileno, threading.Lock()
        self.longest, self.slow = 65507, False
        self._room = memoryview(bytearray(1 << 18))  # a new one for each read would be mapped and unmapped
        self._in, self._out = b"", [b"dgram 1 binary\n"]
        self.flush()

    def _take(self, data, at=0):
        """The end of the frame there, which may not have come yet, and its question as (id, meta, data), or None."""
        size, kind, _, meta, number = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        body, end = begin + meta, begin + size
        if kind == _WELCOME and end <= len(data):
            self.longest = int(data[begin:body].split(b"\t")[2])
        return end, (number, data[begin:body], data[body:end]) if kind == _QUESTION else None

    def read(self):
        """The questions that have come, at least one. None at the end of the stream."""
        questions, size = [], 1
        while not questions and size > 0:
            size = 0
            with contextlib.suppress(ConnectionResetError):
                size = self.socket.recv_into(self._room)
            data, at = self._in + self._room[:size], 0
            while len(data) - at >= _HEAD.size:
                end, question = self._take(data, at)
                if end > len(data):
                    break
                at = end
                if question is not None:
                    questions.append(question)
            self._in = data[at:]
        return questions

    def read_one(self, note=lambda number: None):
        """A frame, and what follows it stays in the socket: a question, or False. `note` is called before a question is
        taken. None at the end of the stream."""
        with contextlib.suppress(ConnectionResetError):
            head = self.socket.recv(_HEAD.size, socket.MSG_PEEK | socket.MSG_WAITALL)
            if len(head) == _HEAD.size:
                size, kind, _, _, number = _HEAD.unpack(head)
                if kind == _QUESTION:
                    note(number)
                frame = self.socket.recv(_HEAD.size + size, socket.MSG_WAITALL)
                if len(frame) == _HEAD.size + size:
                    return self._take(frame)[1] or False
        return None

    # Under the lock, where threads may answer:

    def say(self, kind, number, data=b"", flags=0):
        self._out += _HEAD.pack(len(data), kind, flags, 0, number), data

    def fail(self, number, why):
        self.say(_ERROR, number, why.encode(errors="replace")[:_REASON_MAX])

    def flush(self):
        data, self._out = b"".join(self._out), []
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what is read says so, too
            self.socket.sendall(data)


class _RequestSocket:
    """The socket of a request: what goes to its client goes through dgramd, all else through the server's socket."""

    __slots__ = "_stream", "_number", "_client", "_local", "_server_socket", "_replies"

    def __init__(self, stream, number, client, local, server_socket):
        self._stream, self._number, self._client, self._local = stream, number, client, local
        self._server_socket, self._replies = server_socket, []

    def sendto(self, data, *arguments):
        stream, to = self._stream, arguments[-1]
        if stream is None or (to is not self._client and tuple(to[:2]) != self._client[:2]):
            return self._server_socket.sendto(data, *arguments)
        data = bytes(data)
        if len(data) > stream.longest:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        if stream.slow:
            with stream.lock:
                stream.say(_ANSWER, self._number, data, _MORE)
                stream.flush()
        else:
            self._replies.append(data)  # which of them is the last is not known yet
        return len(data)

    def getsockname(self):
        return _address(self._local)

    def __getattr__(self, name):
        return getattr(self._server_socket, name)

    def end(self, why):
        """No answer follows."""
        stream, self._stream = self._stream, None
        replies, number = self._replies, self._number
        last = replies.pop() if replies and why is None else None
        with stream.lock:
            for reply in replies:
                stream.say(_ANSWER, number, reply, _MORE)
            if why is not None:
                stream.fail(number, why)
            elif last is not None:
                stream.say(_ANSWER, number, last)
            else:
                stream.say(_NO_REPLY, number)


def _fork(call, *arguments):
    """Call this in a process of its own, which ends with 0 if it returns. Returns the pid."""
    pid = os.fork()
    if pid == 0:
        try:
            call(*arguments)
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def _spawn(path, config, descriptors):
    """Start dgramd with these from 3 on. Returns its pid."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("LISTEN_", "WATCHDOG_")) and name != "NOTIFY_SOCKET"}
    environment["LISTEN_FDS"] = str(len(descriptors))
    reading, writing = os.pipe()
    above = _FIRST_FD + len(descriptors)
    copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in (reading, *descriptors)]
    try:
        os.write(writing, json.dumps(config).encode())
        actions = [(os.POSIX_SPAWN_DUP2, fd, to and to + _FIRST_FD - 1) for to, fd in enumerate(copies)]
        # Only who has its pid can set LISTEN_PID.
        return os.posix_spawn(
            "/bin/sh", ["sh", "-c", 'LISTEN_PID=$$ exec "$0" -c -', path], environment, file_actions=actions,
            setpgroup=0, setsigmask=(), setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM))
    finally:
        for fd in (reading, writing, *copies):
            os.close(fd)


class UDPServer(socketserver.UDPServer):
    """One request after the other, in the thread that calls serve_forever()."""

    workers = 1
    settings = {}  # more of server.json(5)

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # by shutdown()
        self._stopped = threading.Event()
        self._stopped.set()
        self._idents = set()  # of threads for which serve_forever() waits
        self._streams, self._pid, self._ended, self._poll = [], None, None, None
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    def server_bind(self):
        if _given is not None:
            return
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def _config(self):
        return {
            "host": self.server_address[0], "port": self.server_address[1], "handler": "exec",
            "options": {"mode": "binary", "descriptors": f"{_FIRST_FD + 1}-{_FIRST_FD + self.workers}"},
            "max_datagram_bytes": self.max_packet_size, "pool": {"workers": self.workers},
            "logging": {"level": "warn"}, "child": {"timeout_ms": 3600000}, **self.settings}

    def _start(self):
        if self._streams:
            return
        if _given is not None:
            self._streams = [_Stream(_given)]
            return
        path = os.environ.get("DGRAMD") or shutil.which(
            "dgramd", path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin")
        if path is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "dgramd")
        pairs = [socket.socketpair() for _ in range(self.workers)]
        with contextlib.ExitStack() as stack:
            theirs = [self.socket, *(stack.enter_context(pair[1]) for pair in pairs)]
            self._pid = _spawn(path, self._config(), [each.fileno() for each in theirs])
        self._ended = os.pidfd_open(self._pid)
        self._streams = [_Stream(pair[0]) for pair in pairs]

    def fileno(self):
        """Readable when handle_request() finds something."""
        self._start()
        return self._streams[0].fileno()

    def _run(self, stream, question):
        number, meta, data = question
        client, local, _ = meta.split(b"\t", 2)
        client = _address(client)
        reply = _RequestSocket(stream, number, client, local, self.socket)
        request = data, reply
        why, began = None, time.monotonic_ns()
        try:
            if self.verify_request(request, client):
                self.process_request(request, client)
            else:
                self.shutdown_request(request)
        except BaseException as error:
            why = repr(error)
            if isinstance(error, Exception):
                self.handle_error(request, client)
            self.shutdown_request(request)
            if not isinstance(error, Exception):
                raise
        finally:
            reply.end(why)
            stream.slow = time.monotonic_ns() - began > _SLOW_NS

    def _run_all(self, stream, questions):
        try:
            for question in questions:
                self._run(stream, question)
        finally:
            with stream.lock:
                stream.flush()

    def _dispatch(self, stream, question):
        """For handle_request(): the only request that waits for this thread."""
        self._run_all(stream, [question])

    def handle_request(self):
        self._start()
        limits = [limit for limit in (self.socket.gettimeout(), self.timeout) if limit is not None]
        limit = time.monotonic() + min(limits) if limits else None
        question = False
        while question is False:
            left = limit and max(0, limit - time.monotonic())
            ready, _, _ = select.select(self._streams, [], [], left)
            if not ready:
                return self.handle_timeout()
            question = ready[0].read_one()
        if question is None:
            self._end()
        else:
            self._dispatch(ready[0], question)

    def serve_forever(self, poll_interval=0.5):
        self._stopped.clear()
        self._idents = {threading.get_ident()}
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        try:
            if not self._poll.poll(0):
                self._start()
                (type(self) if _given is None else UDPServer)._serve(self, poll_interval)
            self._end(bool(select.select([self._wake], [], [], 0)[0]))
        finally:
            self._end(True)
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._stopped.set()

    def _serve(self, poll_interval):
        stream = self._streams[0]
        self._poll.register(stream, select.POLLIN)
        while (ready := self._wait(poll_interval)) is not None:
            if ready:
                questions = stream.read()
                if not questions:
                    return
                self._run_all(stream, questions)

    def _wait(self, poll_interval):
        """The descriptors that can be read. None: leave at once."""
        ready = {fd for fd, _ in self._poll.poll(poll_interval * 1000)}
        if self._wake in ready:
            if self._pid is None:
                return None
            self._poll.unregister(self._wake)
            os.kill(self._pid, signal.SIGTERM)  # it asks what it has, and then ends the streams
        self.service_actions()
        return ready - {self._wake}

    def _end(self, expected=False):
        """Have dgramd end, if there is one. What it waits for then is lost, but there is nothing once the streams have
        ended."""
        streams, pid, self._streams, self._pid = self._streams, self._pid, [], None
        if pid is not None and expected:
            os.kill(pid, signal.SIGTERM)
            select.select([self._ended], [], [], _PATIENCE_S)
        for stream in streams:
            stream.socket.close()
        if pid is None:
            return
        os.close(self._ended)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != 0 and not expected:
            raise ChildProcessError(f"dgramd ended with {status}")

    def shutdown(self):
        if self._wake is not None:
            os.eventfd_write(self._wake, 1)
        if threading.get_ident() not in self._idents:
            self._stopped.wait()

    def server_close(self):
        self._end(True)
        if self._wake is not None:
            os.close(self._wake)
            self._wake = None
        super().server_close()


class ThreadingMixIn(socketserver.ThreadingMixIn):
    """As many threads as `workers`, each with requests of its own."""

    workers = 32
    process_request = socketserver.UDPServer.process_request

    def _keep(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=self.daemon_threads)
        if self.block_on_close:
            vars(self).setdefault("_threads", socketserver._Threads())
        self._threads.append(thread)
        thread.start()
        return thread

    def _run_all(self, stream, questions):
        """What would end a request's thread does not end this one."""
        for question in questions:
            try:
                self._run(stream, question)
            except BaseException:
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        with stream.lock:
            stream.flush()

    def _dispatch(self, stream, question):
        self._keep(self._run_all, stream, [question])

    def _serve_stream(self, stream):
        self._idents.add(threading.get_ident())
        while questions := stream.read():
            self._run_all(stream, questions)

    def _serve(self, poll_interval):
        threads = [self._keep(self._serve_stream, stream) for stream in self._streams]
        self._poll.register(self._ended, select.POLLIN)
        while not self._wait(poll_interval):
            pass
        for thread in threads:
            thread.join()


class _Process:
    """A process that serves a stream, and the next one if it ends. What it was asked last stands in `note`."""

    def __init__(self, server, stream):
        self.server, self.stream, self.note = server, stream, mmap.mmap(-1, 8)
        self.start()

    def start(self):
        self.pid = _fork(self.run, os.getpid())
        self.fd = os.pidfd_open(self.pid)
        self.server._poll.register(self.fd, select.POLLIN)
        self.server.active_children.add(self.pid)

    def run(self, parent):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getppid() != parent:
            return
        for stream in self.server._streams:
            if stream is not self.stream:
                stream.socket.close()
        lost = int.from_bytes(self.note[:], "little")
        if lost:
            self.stream.fail(lost - 1, "the process that handled it ended")
            self.stream.flush()
            self.write(0)
        while (question := self.stream.read_one(lambda number: self.write(number + 1))) is not None:
            if question and question[0] + 1 != lost:
                self.server._run_all(self.stream, [question])
            self.write(0)

    def write(self, number):
        self.note[:] = number.to_bytes(8, "little")

    def reap(self):
        """Did it end because the stream did?"""
        self.server._poll.unregister(self.fd)
        os.close(self.fd)
        self.server.active_children.discard(self.pid)
        with contextlib.suppress(ChildProcessError):
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == 0
        return False


class ForkingMixIn(socketserver.ForkingMixIn):
    """As many processes as `workers`, each with requests of its own. One that ends is replaced."""

    workers = 8
    process_request = socketserver.UDPServer.process_request

    def collect_children(self, *, blocking=False):
        """There are none but those that serve_forever() collects."""

    def _dispatch(self, stream, question):
        pid = _fork(self._run_all, stream, [question])
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) < 0:
            stream.fail(question[0], "the process that handled it ended")
            stream.flush()

    def _serve(self, poll_interval):
        self.active_children = set()
        processes = {each.fd: each for each in (_Process(self, stream) for stream in self._streams)}
        while processes:
            for process in map(processes.pop, self._wait(poll_interval)):
                if not process.reap():
                    process.start()
                    processes[process.fd] = process


class ThreadingUDPServer(ThreadingMixIn, UDPServer):
    """As many requests at once as `workers`, in threads."""


class ForkingUDPServer(ForkingMixIn, UDPServer):
    """As many requests at once as `workers`, in processes."""


class BaseRequestHandler(socketserver.BaseRequestHandler):
    """See socketserver."""


class DatagramRequestHandler(socketserver.DatagramRequestHandler, BaseRequestHandler):
    """`rfile` is the request, `wfile` the reply, which is sent if handle() returned and wrote something."""

    def setup(self):
        super().setup()
        self._handled = sys.exc_info()[1]  # by who calls; in finish() it is another one if handle() did not return

    def finish(self):
        if sys.exc_info()[1] is self._handled and self.wfile.getvalue():
            super().finish()

"""Artifacts that break or attack, as tables: what each does, and what must come of it."""

from textwrap import dedent, indent


def act(body: str) -> str:
    """An artifact whose `act` has this body."""
    return "import os, sys\ndef act(obs):\n" + indent(dedent(body).strip(), "    ") + "\n"


BROKEN = {
    "a loop in Python": (act("while True: pass"), "timeout", "longer than 0.6 s"),
    "a loop in C": (act("return sum(iter(int, 1))"), "timeout", ""),
    "a sleep": (act("import time; time.sleep(60)"), "timeout", ""),
    "a loop at import": ("while True: pass", "timeout", ""),
    "signals ignored": (
        act(
            """
            import signal, time
            for s in set(signal.Signals) - {9, 19}: signal.signal(s, signal.SIG_IGN)
            while True: time.sleep(1)
            """
        ),
        "timeout",
        "",
    ),
    "stopped": (act("os.kill(os.getpid(), 19)"), "timeout", ""),
    "threads that never end": (
        "import threading\n" + act("[threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start() for _ in range(4)]\nwhile True: pass"),
        "timeout",
        "",
    ),
    "sys.exit": (act("sys.exit(0)"), "error", "SystemExit"),
    "os._exit": (act("os._exit(0)"), "killed", "exit code 0"),
    "its own SIGKILL": (act("os.kill(os.getpid(), 9)"), "killed", ""),
    "a segmentation fault": (act("import ctypes; ctypes.string_at(0)"), "killed", "SIGSEGV"),
    "abort": (act("os.abort()"), "killed", "SIGABRT"),
    "an exception": (act("raise ValueError('no luck')"), "error", "ValueError: no luck"),
    "KeyboardInterrupt": (act("raise KeyboardInterrupt"), "error", "KeyboardInterrupt"),
    "GeneratorExit": (act("raise GeneratorExit"), "error", "GeneratorExit"),
    "an exception at import": ("1 / 0\ndef act(obs): return 1", "error", 'File "agent.py", line 1'),
    "a syntax error": ("def act(obs: return 1", "error", "SyntaxError"),
    "a missing function": ("x = 1", "error", "'act'"),
    "an exception whose text raises": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\n" + act("raise E"),
        "error",
        "E",
    ),
    "recursion": (act("return act(obs)"), "error", "RecursionError"),
    "8 GiB": (act("return len(bytearray(8 << 30))"), "memory", "MemoryError"),
    "8 GiB piece by piece": (act("x = []\nwhile True: x.append(bytearray(1 << 24))"), "memory", ""),
    "a fork loop": (act("while True: os.fork()"), "error", "BlockingIOError"),
    "a daemon": (act("if os.fork() == 0:\n    os.setsid()\n    while True: pass"), "error", "BlockingIOError"),
    "50 MB of output": (act("for _ in range(50): sys.stdout.write('x' * (1 << 20))"), "output", "200000 bytes"),
    "50 MB of errors": (act("os.write(2, b'x' * (50 << 20))"), "output", ""),
    "a file too large": (act("open('big', 'wb').write(bytes(8 << 20))"), "error", "OSError"),
    "exec": (act("os.execv('/bin/sh', ['sh'])"), "error", "Error"),
    "another program": (act("import subprocess; subprocess.run(['/bin/true'])"), "error", "Error"),
    "an object": (act("return object()"), "error", "type object"),
    "a generator": (act("return (i for i in [1])"), "error", "generator"),
    "a function": (act("return act"), "error", "type function"),
    "NaN": (act("return float('nan')"), "invalid", "nan"),
    "infinity": (act("return float('inf')"), "invalid", "inf"),
    "text for a number": (act("return 'abc'"), "invalid", "ValueError"),
    "None for a number": (act("return None"), "invalid", "TypeError"),
    "100 MB": (act("return bytes(100 << 20)"), "memory", "MemoryError"),
    "a lazy result": (act("return map(int, iter(int, 1))"), "error", "type map"),
    "a frame that promises 4 GB": (act("os.write(3, bytes([255] * 4))\nos.write(3, b'x' * 9)\nreturn 1"), "error", "too large"),
    "17 MB": (act("return b'x' * (17 << 20)"), "error", "too large"),
    "a huge integer": (act("return 1 << 200_000"), "error", "too large"),
    "a list in itself": (act("x = []\nx.append(x)\nreturn x"), "error", "nested"),
    "a class that raises when sent": (
        "class D(dict):\n    def __iter__(self): raise SystemExit\n    keys = items = __iter__\n" + act("return [D(a=1), object()]"),
        "error",
        "",
    ),
    "bytes on the channel": (act("os.write(3, bytes([255]) * 64)\nreturn 1"), "error", ""),
    "a forged frame": (act("os.write(3, bytes([0, 0, 0, 2, 0x93, 0xc0]))\nreturn 1"), "error", ""),
    "its channel closed": (act("os.close(3)\nreturn 1"), "killed", ""),
    "all descriptors closed": (act("os.closerange(0, 100)\nreturn 1"), "killed", ""),
    "its channel turned around": (act("os.dup2(4, 3)\nreturn 1"), "killed", ""),
    "a request eaten": (act("os.read(4, 1)\nreturn 1"), "timeout", ""),
    "half a frame": (act("import time\nos.write(3, bytes([0, 1, 0, 0, 7]))\ntime.sleep(60)"), "timeout", ""),
    "frames from a thread": (
        act(
            """
            import threading, time
            def forge():
                while True: os.write(3, bytes([0, 0, 0, 2, 0x93, 0]))
            threading.Thread(target=forge, daemon=True).start()
            time.sleep(0.1)
            return 1
            """
        ),
        "error",
        "",
    ),
    "recursion without a limit": (act("sys.setrecursionlimit(10**9)\nf = lambda n: f(n + 1) + 1\nreturn f(0)"), ("timeout", "killed", "memory"), ""),
    "threads without number": (
        act("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"), "error", "thread",
    ),
    "files without number": (act("files = [open(f'f{i}', 'w') for i in range(10**5)]"), "error", "Too many open files"),
    "folders without end": (act("while True:\n    os.mkdir('d')\n    os.chdir('d')"), ("timeout", "error"), ""),
    "a file in memory": (act("fd = os.memfd_create('x')\nwhile True: os.write(fd, bytes(1 << 20))"), "error", "OSError"),
    "a program in memory": (act("fd = os.memfd_create('x')\nos.write(fd, b'#!/bin/sh')\nos.execve(fd, ['x'], {})"), "error", "PermissionError"),
    "a trace function that raises": (act("def trace(*a): raise KeyboardInterrupt\nsys.setprofile(trace)\nreturn 1"), "error", "KeyboardInterrupt"),
    "a number that is none": (
        "class F(float):\n    def __float__(self): raise SystemExit\n    __eq__ = __repr__ = __float__\n" + act("return F(3)"), "error", "SystemExit",
    ),
    "a class that denies itself": ("class C:\n    @property\n    def __class__(self): raise SystemExit\n" + act("return C()"), "error", "SystemExit"),
    "a list without end": ("class L(list):\n    def __iter__(self):\n        while True: yield 1\n" + act("return L()"), ("timeout", "memory"), ""),
    "a deep tuple": (act("x = ()\nfor _ in range(10**5): x = (x,)\nreturn x"), "error", "nested"),
    "keys that collide": (act("return {i * (2**61 - 1): 1 for i in range(5000)}"), ("timeout", "error"), ""),
    "half a character": (act("return chr(0xD800)"), "error", "cannot be passed"),
    "half a character in an error": (act("raise ValueError(chr(0xD800) + chr(27) + '[2J')"), "error", "ValueError"),
    "a long error": (act("raise ValueError('x' * (4 << 20))"), "error", "ValueError"),
    "errors in a circle": (act("e = ValueError('round')\ne.__context__ = e.__cause__ = e\nraise e"), "error", "round"),
    "a group of errors": (act("raise BaseExceptionGroup('both', [KeyboardInterrupt(), ValueError('one')])"), "error", "one"),
    "an exception that exits": (
        "import os\nclass E(Exception):\n    def __repr__(self): os._exit(3)\n    __str__ = __repr__\n" + act("raise E"), "killed", "exit code 3",
    ),
    "no parent's death": (act("import ctypes, time\nctypes.CDLL(None).prctl(1, 0)\ntime.sleep(60)"), "timeout", ""),
    "a question to no model": (act("return llm('x')"), "error", "no agent model"),
    "a question that is none": (act("return llm(5)"), "error", "a text or a list of messages"),
}  # fmt: skip

HARMLESS = {  # each answers 0 where it got nowhere
    "sockets of every family": """
        import socket
        found = 0
        for family in range(0, 46):
            for kind in (1, 2, 3, 5):
                try: socket.socket(family, kind); found += 1
                except OSError: pass
        return found
        """,
    "environments": """
        found = 0
        for pid in ['self', *range(1, 4000)]:
            try: found += b'SECRET' in open(f'/proc/{pid}/environ', 'rb').read()
            except OSError: pass
        return found + any('SECRET' in value for value in os.environ.values())
        """,
    "reading what it must not": """
        found = 0
        for path in PATHS:
            for use in (os.listdir, lambda p: open(p).read()):
                try: found += bool(use(path))
                except OSError: pass
        return found
        """,
    "writing where it must not": """
        found = 0
        for path in PATHS:
            for target in (path, path + '/new', os.path.dirname(path) + '/new', '/usr/new', '/new', sys.prefix + '/new', '/dev/shm/../new'):
                for use in (lambda p: open(p, 'w'), lambda p: open(p, 'a'), os.mkdir, os.unlink, os.rmdir, lambda p: os.truncate(p, 0),
                            lambda p: os.chmod(p, 0o777), lambda p: os.utime(p), lambda p: os.symlink('x', p)):
                    try: use(target); found += 1
                    except OSError: pass
        return found
        """,
    "signals": """
        found = 0
        for pid in [os.getppid(), 1, -1, 0, *range(2, 300)]:
            for number in (0, 15, 9):
                if pid == os.getpid(): continue
                try: os.kill(pid, number); found += 1
                except OSError: pass
        return found
        """,
    "ptrace and other memory": """
        import ctypes
        libc = ctypes.CDLL(None)
        parent = os.getppid()
        calls = [libc.ptrace(16, parent, 0, 0), libc.process_vm_readv(parent, 0, 0, 0, 0, 0), libc.unshare(0x10000000),
                 libc.mount(b'x', b'/', b'tmpfs', 0, 0), libc.syscall(425, 1, 0), libc.syscall(321, 0, 0, 0), libc.setns(0, 0)]
        try: open(f'/proc/{parent}/mem', 'rb'); calls.append(0)
        except OSError: pass
        return sum(result != -1 for result in calls)
        """,
    "raised limits": """
        import resource
        found = 0
        for which in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
            try: resource.setrlimit(which, (-1, -1)); found += 1
            except (OSError, ValueError): pass
        return found
        """,
    "a score looked for": """
        import gc
        names = {'PlayerContext', 'Judge', 'Result', 'RolloutResult', 'Tracer'}
        frame = sys._getframe()
        found = 0
        while frame:
            found += any('score' in name or 'label' in name for name in frame.f_locals)
            frame = frame.f_back
        return found + sum(type(thing).__name__ in names for thing in gc.get_objects())
        """,
    "a monkey": """
        import builtins, json, random, struct, msgpack
        json.dumps = json.loads = random.random = struct.pack = msgpack.packb = msgpack.unpackb = lambda *a, **k: 1e9
        for name in [name for name, value in vars(builtins).items() if callable(value) and name.islower() and name[0] != '_']:
            setattr(builtins, name, lambda *a, **k: 10**9)
        return 0
        """,
    "__del__ raises": """
        class Doomed:
            def __del__(self): raise SystemExit
        Doomed()
        return 0
        """,
    "limits and priorities of others": """
        import ctypes, resource
        libc, parent, found = ctypes.CDLL(None), os.getppid(), 0
        for pid in (parent, 1, 2, 3):
            try: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0)); found += 1
            except (OSError, ValueError): pass
            try: os.sched_setaffinity(pid, {0}); found += 1
            except OSError: pass
        return found + sum(result == 0 for result in (libc.setpriority(0, parent, 19), libc.setpriority(2, 0, 19), libc.syscall(251, 1, parent, 0)))
        """,
    "signals by way of a file": """
        import fcntl
        found, (read, write) = 0, os.pipe()
        for command, value in ((fcntl.F_SETOWN, os.getppid()), (fcntl.F_SETSIG, 9), (15, bytes(8))):
            try: fcntl.fcntl(read, command, value); found += 1
            except OSError: pass
        return found
        """,
    "doors of the kernel": """
        import ctypes
        libc, buffer = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        calls = [(425, 8, buffer), (323, 0), (424, 0, 9, 0, 0), (438, 0, 0, 0), (56, 17, 0, 0, 0, 0), (435, buffer, 88), (58,), (0x40000027,)]
        return sum(libc.syscall(*call) >= 0 for call in calls)
        """,
    "what others left": """
        found, folders = 0, [folder for folder in ('/dev/shm', '.') if os.access(folder, os.R_OK)]
        for folder in folders:
            try: found += len(os.listdir(folder))
            except OSError: pass
        for folder in folders:
            try: open(folder + '/left', 'w').close()
            except OSError: pass
        return 0 if obs['number'] else found
        """,
    "places beside the scratch folder": """
        found = 0
        for place in ('/', '/dev', '/run', '/etc', '/var', '/proc', '/proc/self', '/home', '/usr'):
            try: open(place + '/new', 'w'); found += 1
            except OSError: pass
        return found
        """,
    "ends that hang": """
        import atexit, threading, time
        atexit.register(time.sleep, 99)
        threading.Thread(target=time.sleep, args=(99,)).start()
        return 0
        """,
    "no output left": """
        if not obs['number']: os.close(1); os.close(2)
        sys.stdout = sys.stderr = None
        return 0
        """,
    "poisoned modules": """
        class Poison:
            def __getattr__(self, name): raise SystemExit
        for name in list(sys.modules): sys.modules[name] = Poison()
        return 0
        """,
    "the scratch folder gone": """
        import shutil
        if obs['number']: return 0
        os.makedirs('a/b'); os.symlink('/', 'a/b/c'); os.symlink('loop', 'loop'); os.makedirs('x' * 200 + '/y', 0)
        shutil.rmtree('.', ignore_errors=True)
        os.chdir('/')
        return 0
        """,
}  # fmt: skip

"""Network namespaces as machines: each has a cable to the first one, which
stands for the machine of the broker, and sees nothing else. What runs there is
reached by unix sockets, which are of the file system.
"""
import subprocess

from waiting import Skip, end_processes


class Machine:
    """A namespace, which a sleeping process keeps; its address in the net."""

    def __init__(self, address):
        self.address = address
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec sleep 3600"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise Skip("no network namespaces: " +
                       self.process.communicate()[1].decode().strip())
        self.do("ip", "link", "set", "lo", "up")

    @property
    def prefix(self):
        """What goes before a command so that it runs there."""
        return ["nsenter", "--net", "-t", str(self.process.pid)]

    def do(self, *words):
        done = subprocess.run([*self.prefix, *words], capture_output=True,
                              text=True, check=False, timeout=20)
        if done.returncode != 0:
            raise Skip(f"{' '.join(words)}: {done.stderr.strip()}")

    def end(self):
        end_processes([self.process.pid])
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Machines:
    """Some machines around one that all of them reach; a context manager."""

    def __init__(self, count):
        self.count = count
        self.middle, self.others = None, []

    def __enter__(self):
        try:
            self.middle = Machine("10.213.0.1")
            # the address that all reach, whichever cable they have
            self.middle.do("ip", "address", "add",
                           f"{self.middle.address}/32", "dev", "lo")
            for number in range(1, self.count + 1):
                self.connect(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def connect(self, number):
        """Adds a machine with a cable to the middle."""
        machine = Machine(f"10.213.{number}.2")
        self.others.append(machine)
        cable, here = f"to{number}", f"10.213.{number}.1"
        self.middle.do("ip", "link", "add", cable, "type", "veth", "peer",
                       "name", "eth0", "netns", str(machine.process.pid))
        self.middle.do("ip", "address", "add", f"{here}/30", "dev", cable)
        self.middle.do("ip", "link", "set", cable, "up")
        machine.do("ip", "address", "add", f"{machine.address}/30",
                   "dev", "eth0")
        machine.do("ip", "link", "set", "eth0", "up")
        machine.do("ip", "route", "add", self.middle.address, "via", here)

    def cut(self, number):
        """Pulls the cable of a machine."""
        self.middle.do("ip", "link", "set", f"to{number + 1}", "down")

    def mend(self, number):
        self.middle.do("ip", "link", "set", f"to{number + 1}", "up")

    def __exit__(self, *_):
        for machine in [*self.others, self.middle]:
            if machine is not None:
                machine.end()

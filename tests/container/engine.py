"""Finds a container engine that really runs here, and drives it.

    find_engine() ──> Engine.build(target) ──> Engine.run_command(image, ...) ──> a plain argument list to start

Docker is taken where its daemon answers. Elsewhere podman runs what buildah builds; on a machine without an image hub
the base image is made from Debian packages (tools/base_image.sh). As root on Debian the missing tools are installed.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HUB_BASE = "docker.io/library/python:3.11-slim-bookworm"
LOCAL_BASE = "localhost/lengthwise-base:{suite}"
PACKAGES = ("buildah", "podman", "runc", "debootstrap")
# Whose files the mounted folders are: the one who runs the tests, unless that is root.
CALLER = (os.getuid() or 1234, os.getgid() or 1234)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def _runs(command: Sequence[str], timeout_seconds: float = 120) -> bool:
    """Tells whether a command exists, ends in time and succeeds."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@dataclass(frozen=True)
class Engine:
    """One container engine: how it builds, and how it starts a container.

    Attributes:
        name: Its command, `docker` or `podman`.
        build: The start of a build command.
        run: The start of a run command, with whatever makes a container start on this machine.
        base_arguments: Build arguments that name the base image; empty where the Dockerfile's own can be fetched.
    """

    name: str
    build: tuple[str, ...]
    run: tuple[str, ...]
    base_arguments: Mapping[str, str] = field(default_factory=dict)

    def build_image(self, tag: str, target: str, arguments: Mapping[str, str] | None = None) -> str:
        """Builds one target of the Dockerfile and returns the image's name."""
        every = {**self.base_arguments, **(arguments or {})}
        flags = [part for name, value in every.items() for part in ("--build-arg", f"{name}={value}")]
        with tempfile.TemporaryDirectory() as folder:
            network = [] if self.name == "docker" else _network_settings(Path(folder))
            command = [*self.build, *network, *flags, "--target", target, "--tag", tag, str(ROOT)]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"building {target} failed:\n{done.stdout[-6000:]}")
        return tag

    def run_command(
        self,
        image: str,
        arguments: Sequence[str],
        *,
        options: Sequence[str] = (),
        mounts: Mapping[Path, str] | None = None,
        entrypoint: str | None = None,
        user: tuple[int, int] = CALLER,
        network: str = "none",
    ) -> list[str]:
        """Builds the argument list of a run on a read-only root, as an ordinary user, by default without network."""
        volumes = [part for host, inside in (mounts or {}).items() for part in ("--volume", f"{host}:{inside}")]
        entry = [] if entrypoint is None else ["--entrypoint", entrypoint]
        hardened = ["--rm", f"--network={network}", "--read-only", "--tmpfs", "/tmp", "--user", "{}:{}".format(*user)]
        return [*self.run, *hardened, *volumes, *entry, *options, image, *arguments]

    def wait_for_port(self, container: str, port: int, seconds: float = 60) -> None:
        """Waits until something listens on a port of a container's own loopback."""
        listening = f"import socket; socket.create_connection(('localhost', {port}), 1)"
        deadline = time.monotonic() + seconds
        while not _runs([self.name, "exec", container, "python", "-c", listening]):
            if time.monotonic() > deadline:
                logs = subprocess.run([self.name, "logs", container], capture_output=True, text=True, check=False)
                raise TimeoutError(f"nothing listens on port {port} of {container}: {logs.stdout}{logs.stderr}")
            time.sleep(0.5)

    def wait_for_end(self, container: str, seconds: float) -> bool:
        """Waits until a container is gone or stopped; tells whether that came in time."""
        running = [self.name, "container", "inspect", "--format", "{{.State.Running}}", container]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = subprocess.run(running, capture_output=True, text=True, check=False)
            if state.returncode or state.stdout.strip() == "false":
                return True
            time.sleep(0.2)
        return False

    def image_bytes(self, image: str) -> int:
        """The size of an image as the engine counts it."""
        command = [self.name, "image", "inspect", "--format", "{{.Size}}", image]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def find_engine() -> Engine | str:
    """Returns an engine that builds and runs, or the reason why there can be none."""
    if _runs(["docker", "info"], 30):
        base = os.environ.get("BASE_IMAGE")
        return Engine("docker", ("docker", "build"), ("docker", "run"), {"BASE_IMAGE": base} if base else {})
    missing = [tool for tool in ("buildah", "podman") if shutil.which(tool) is None]
    if missing and not _install():
        return (
            f"no docker daemon answers, and {' and '.join(missing)} cannot be installed here (needs root and apt-get)"
        )
    base = _base_image()
    if base is None:
        return "no image hub answers, and a base image cannot be made here (needs root and debootstrap)"
    run = _working_run(base)
    if run is None:
        return "podman is installed, but starts no container on this machine, with neither crun nor runc"
    # No --layers: keeping each step as a layer doubles the time, which goes into writing two GB again and again.
    build = ("buildah", "build", "--isolation", "chroot", "--format", "docker")
    return Engine("podman", build, run, {"BASE_IMAGE": base})


def _install() -> bool:
    """Installs podman and buildah by apt-get, where that is allowed."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES]
    return all(
        subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
        for command in (["apt-get", "update", "-q"], install)
    )


def _base_image() -> str | None:
    """Finds a base image: the one that BASE_IMAGE names, the hub's, one made before, or one made now."""
    named = os.environ.get("BASE_IMAGE")
    if named:
        return named
    local = LOCAL_BASE.format(suite="bookworm")
    if _runs(["podman", "image", "exists", local]):
        return local
    if _runs(["podman", "pull", "--quiet", HUB_BASE], 300):
        return HUB_BASE
    return local if _runs(["bash", str(ROOT / "tools" / "base_image.sh"), local, "bookworm"], 900) else None


def _working_run(image: str) -> tuple[str, ...] | None:
    """Finds the podman options with which a container starts: nested in other sandboxes the plain ones may not do."""
    limits = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")
    candidates = (
        ("podman", "run"),
        ("podman", "--cgroup-manager=cgroupfs", "run", *limits),
        ("podman", "--runtime", "runc", "--cgroup-manager=cgroupfs", "run", "--no-healthcheck", *limits),
    )
    test = ("--rm", "--network=none", "--read-only", image, "true")
    return next((candidate for candidate in candidates if _runs([*candidate, *test])), None)


def _network_settings(folder: Path) -> list[str]:
    """Mounts for the build: this machine's certificates and package index, read-only, so that downloads work inside."""
    if not CERTIFICATES.exists():
        return []
    index = subprocess.run(
        ["python3", "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    ).stdout.strip()
    pip, uv = folder / "pip.conf", folder / "uv.toml"
    pip.write_text(f"[global]\ncert = {CERTIFICATES}\n" + (f"index-url = {index}\n" if index else ""))
    default_index = f'[[index]]\nurl = "{index}"\ndefault = true\n' if index else ""
    uv.write_text(f"native-tls = true\n{default_index}")
    mounts = {CERTIFICATES: CERTIFICATES, pip: "/etc/pip.conf", uv: "/etc/uv/uv.toml"}
    return [part for host, inside in mounts.items() for part in ("--volume", f"{host}:{inside}:ro")]

# SPDX-License-Identifier: BSD-2-Clause
"""private: a network and system directories that only this test sees, so that
what the documentation prints can be run as it is printed."""
import ctypes
import os
import subprocess

from relay import Skip, need

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def enter(t, *folders):
    """From now on this process and its children have a loopback of their own,
    and what they write into folders is seen by nobody else and gone with
    them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        raise Skip("only root can make namespaces")
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise Skip(f"no namespaces: {os.strerror(ctypes.get_errno())}")
    mount = need("mount")
    subprocess.run([mount, "--make-rprivate", "/"], check=True)
    subprocess.run([need("ip"), "link", "set", "lo", "up"], check=True)
    # The layers may not lie on what is an overlay itself.
    layers = t.path("layers")
    os.mkdir(layers)
    subprocess.run([mount, "-t", "tmpfs", "tmpfs", layers], check=True)
    for folder in folders:
        name = layers + "/" + folder.strip("/").replace("/", "-")
        os.makedirs(name + "/upper")
        os.makedirs(name + "/work")
        p = subprocess.run(
            [mount, "-t", "overlay", "overlay", "-o",
             f"lowerdir={folder},upperdir={name}/upper,workdir={name}/work",
             folder], stderr=subprocess.PIPE)
        if p.returncode != 0:
            raise Skip(f"no overlay: {p.stderr.decode().strip()}")

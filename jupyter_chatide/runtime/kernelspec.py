"""Makes the ``chatide-sandbox`` kernelspec and its provisioner known to a kernel manager.

An installation puts both in place (shared data, an entry point). This is for the package being
used without one: from a source tree, or from a folder on ``PYTHONPATH``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.multikernelmanager import MultiKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from .kernel import KERNEL_NAME

_KERNELS = Path(__file__).parent.parent / "etc" / "kernels"


def make_findable(manager: MultiKernelManager) -> None:
    """Let ``manager`` start kernels of the ``chatide-sandbox`` kernelspec."""
    factory = KernelProvisionerFactory.instance(parent=manager.parent)
    factory.provisioners.setdefault(
        KERNEL_NAME,
        EntryPoint(
            KERNEL_NAME,
            f"{__package__}.provisioner:SandboxProvisioner",
            KernelProvisionerFactory.GROUP_NAME,
        ),
    )
    specs = manager.kernel_spec_manager
    if not isinstance(specs, KernelSpecManager):
        return
    try:
        specs.get_kernel_spec(KERNEL_NAME)
    except NoSuchKernel:
        specs.kernel_dirs = [*specs.kernel_dirs, str(_KERNELS)]

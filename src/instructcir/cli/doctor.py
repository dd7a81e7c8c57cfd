"""`instructcir doctor`: is this machine, are these versions, is this model as they should be?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, load, model_folder, quieten
from instructcir.cli.output import print_json_line
from instructcir.errors import DependencyError, ModelError, PromptError

EXIT_WRONG = 1
_GB = 1e9


class Finding(NamedTuple):
    """One thing that was looked at; a `Check` of the model's that needs no torch, which may be what is broken."""

    name: str
    passed: bool
    detail: str


def doctor(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Also load this model and run every check on it.")
    ] = None,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Check versions and machine, and with MODEL that it embeds rightly; exits with 1 when something is wrong.

    Of a model it checks that a padded batch gives what single inputs give, that shared image work gives what whole
    prompts give, that an adapter was applied, and that saved probe vectors are reproduced.
    """
    passed = [_report(check, as_json) for check in _versions()]
    if all(passed):  # with versions that do not fit, torch itself may fail to be imported
        quieten(ctx)
        passed += [_report(check, as_json) for check in _machine(device)]
        if model is not None:
            passed += [_report(check, as_json) for check in _model(ctx, model, device, dtype, base)]
    elif model is not None and not as_json:
        typer.echo("the model is not looked at before the versions are right", err=True)
    if not all(passed):
        raise typer.Exit(EXIT_WRONG)
    if not as_json:
        typer.echo("all well")


def _report(check: Finding, as_json: bool) -> bool:
    if as_json:
        print_json_line({"check": check.name, "passed": check.passed, "detail": check.detail})
    else:
        typer.echo(f"{'ok   ' if check.passed else 'WRONG'}  {check.name}: {check.detail}")
    return check.passed


def _versions() -> list[Finding]:
    from instructcir.model import versions

    found = versions.installed(_cudnn())
    wrong = versions.troubles(found, versions.requirements("instructcir"), versions.requirements("torchvision"))
    absent = [name for name in versions.SHOWN if name not in found]
    said = ", ".join(f"{name} {version}" for name, version in found.items())
    without = f"; without {', '.join(absent)}" if absent else ""
    return [
        Finding("versions", not wrong, said + without),
        *(
            Finding(bad.what, False, f"{bad.trouble}; {bad.remedy}" + (f" ({bad.seen})" if bad.seen else ""))
            for bad in wrong
        ),
    ]


def _cudnn() -> int | None:
    try:
        import torch
    except (ImportError, OSError):  # a broken build; what is wrong with it is found by its version
        return None
    cudnn: Any = torch.backends.cudnn
    return cudnn.version() if torch.cuda.is_available() else None


def _machine(device: str) -> list[Finding]:
    import psutil
    import torch

    from instructcir.model.placement import place, processor_multiplies_bfloat16

    where = place(device, "float32", 0)
    kind = where.device
    name = torch.cuda.get_device_name(kind) if kind.type == "cuda" else f"{torch.backends.cpu.get_cpu_capability()} CPU"
    features = {
        "AMX": torch.cpu._is_amx_tile_supported(),
        "AVX512-BF16": torch.cpu._is_avx512_bf16_supported(),
    }
    having = ", ".join(f"{feature} {'yes' if there else 'no'}" for feature, there in features.items())
    bf16 = "computed natively" if processor_multiplies_bfloat16() else "emulated: slow"
    memory = psutil.virtual_memory()
    checks = [
        Finding("device", True, f"{where.why.rpartition(', ')[0]}: {name}"),
        Finding("processor", True, f"{having}; bfloat16 is {bf16}; {torch.get_num_threads()} threads"),
        Finding("memory", True, f"{memory.available / _GB:.1f} of {memory.total / _GB:.1f} GB free"),
    ]
    if kind.type == "cuda":
        free, total = torch.cuda.mem_get_info(kind)
        checks.append(Finding("GPU memory", True, f"{free / _GB:.1f} of {total / _GB:.1f} GB free"))
    return checks


def _model(ctx: typer.Context, model: str, device: str, dtype: str, base: str | None) -> list[Finding]:
    """Checks of a model: whether it fits first, and only then by loading it."""
    folder, _ = model_folder(model, base)  # a model that is not there is a wrong argument, no finding
    checks: list[Finding] = []
    try:
        checks.append(_fits(folder, device, dtype))
        if checks[0].passed:
            from instructcir.model.checks import examine

            found = examine(load(ctx, model, device, dtype, base))
            checks += [Finding(check.name, check.passed, check.detail) for check in found]
    except (ModelError, PromptError, DependencyError) as error:
        checks.append(Finding("model", False, str(error)))
    return checks


def _fits(folder: Path, device: str, dtype: str) -> Finding:
    import psutil
    import torch

    from instructcir.model.loading import count_weights, describe
    from instructcir.model.memory import estimate
    from instructcir.model.placement import place, token_budget

    config = describe(folder, None).config
    weights = count_weights(config)
    where = place(device, dtype, weights, getattr(config, "dtype", None))
    need = estimate(config, weights, where.stored, token_budget(where.device))
    free = (
        torch.cuda.mem_get_info(where.device)[0] if where.device.type == "cuda" else psutil.virtual_memory().available
    )
    return Finding(
        "memory needed",
        need.total <= free,
        f"{need.weights / _GB:.2f} GB for {weights / 1e6:,.1f} million weights and about "
        f"{need.activations / _GB:.2f} GB for a batch; {free / _GB:.1f} GB free",
    )

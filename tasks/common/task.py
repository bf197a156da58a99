"""What the doors of all rooms share: progress and "made or reused" lines in Prefect's logs and artifacts."""

from __future__ import annotations

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from tasks.common.progress import Progress, throttled
from tasks.common.store import StageOutput


def task_progress(description: str, every_s: float = 5.0) -> Progress:
    """A `Progress` that writes to the run's log and keeps one progress artifact up to date."""
    logger = get_run_logger()
    artifact = None

    def tell(line: str, percent: float) -> None:
        nonlocal artifact
        logger.info("%s %s", description, line)
        if artifact is None:
            artifact = create_progress_artifact(progress=percent, description=description, _sync=True)  # type: ignore[call-arg]
        else:
            update_progress_artifact(artifact, progress=percent, _sync=True)

    return throttled(tell, every_s)


def log_output(output: StageOutput) -> StageOutput:
    """Say in the run's log what a stage made, or that it was there already."""
    counts = ", ".join(f"{name} {value}" for name, value in output.counts.items())
    how = "reused" if output.reused else f"made in {output.seconds:.1f} s"
    get_run_logger().info("%s %s (%s): %s", output.stage, how, output.key[:8], counts)
    return output

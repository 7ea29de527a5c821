"""Progress of long steps, on the terminal's standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

__all__ = ["shown"]


@contextmanager
def shown() -> Iterator[Callable[[str, float | None], None]]:
    """Give a function of step and fraction that draws a bar, one line a step.

    On a terminal the bar moves; elsewhere each step is printed once when it starts.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        last = ""

        def plain(step: str, fraction: float | None) -> None:
            nonlocal last
            if step != last:
                console.print(f"{step} …", highlight=False)
                last = step

        yield plain
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = None
        current = ""

        def draw(step: str, fraction: float | None) -> None:
            nonlocal task, current
            if task is None or step != current:
                if task is not None:
                    bars.update(task, total=1, completed=1)
                    bars.stop_task(task)
                task, current = bars.add_task(step, total=None if fraction is None else 1), step
            if fraction is not None:
                bars.update(task, total=1, completed=fraction)

        yield draw
        if task is not None:
            bars.update(task, total=1, completed=1)

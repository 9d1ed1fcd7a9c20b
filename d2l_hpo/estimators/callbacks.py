"""Tasks of a search as callbacks of scikit-learn see them, from release 1.9 on."""
from collections.abc import Callable
from typing import Any, Self


class CallbackTasks:
    """The search is a task, and each batch of candidates one within it.

    `estimator` is the search; `context` is what scikit-learn hands to it, None in older releases,
    which have no callbacks.
    """

    def __init__(self, estimator: Any, context: Any) -> None:
        self.estimator, self.context, self.search = estimator, context, None

    def __enter__(self) -> Self:
        if self.context is not None:
            task = self.context.subcontext(task_name="search", max_subtasks=None)
            self.search = task.call_on_fit_task_begin(estimator=self.estimator)
        return self

    def __exit__(self, kind: Any, *exception: Any) -> None:
        if self.search is not None and kind is None:
            self.search.call_on_fit_task_end(estimator=self.estimator)

    def batch(self, evaluate_candidates: Callable[..., Any]) -> Callable[..., Any]:
        """Return `evaluate_candidates` such that each call is a task."""
        search = self.search
        if search is None:
            return evaluate_candidates

        def evaluate(candidates: list[dict[str, Any]], cv: Any) -> Any:
            fits = len(candidates) * cv.get_n_splits()
            task = search.subcontext(task_name="batch", max_subtasks=fits,
                                     sequential_subtasks=False)
            task = task.call_on_fit_task_begin(estimator=self.estimator)
            try:
                return evaluate_candidates(candidates, cv=cv, callback_ctx=task)
            finally:
                task.call_on_fit_task_end(estimator=self.estimator)
        return evaluate

"""Hyperparameter optimization: the package that the chapter's cells define, and what they use.

Every public name is importable from here. A name's module is loaded when the name is first used,
so that importing the package, a searcher or a scheduler does not import torch.
"""
import warnings
from importlib.util import find_spec

import lazy_loader as lazy

__version__ = "0.1.0"

_INSTALL_COMMANDS = {
    "torch": "python -m pip install torch==2.13.0 torchvision==0.28.0",
    "torchvision": "python -m pip install torch==2.13.0 torchvision==0.28.0",
    "d2l": "python -m pip install --no-deps d2l==1.0.3",
}

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules=["animation", "arguments", "asha", "asynchronous", "bayesian", "benchmark",
                "constrained", "cross_validation", "datasets", "files", "gaussian_process",
                "hyperband", "hypergradients", "measured", "model_searcher", "multiobjective",
                "notebook", "objective_values", "objectives", "plots", "populations",
                "random_search", "ray_cluster", "reporting", "scale", "simulator", "space",
                "syne_tune_backend", "tpe", "tuner"],
    submod_attrs={
        "_guard": ["leave_new_worker"],
        "_interrupts": ["CtrlC"],
        "_journal": ["Journal"],
        "_workers": ["WorkerLost", "open_workers"],
        "animation": ["Animation", "animate"],
        "arguments": ["check_between", "check_int", "check_positive", "is_number"],
        "asha": ["ASHAScheduler", "Rung"],
        "asynchronous": ["BatchScheduler", "utilization"],
        "bayesian": [
            "BayesianSearcher",
            "expected_improvement",
            "log_expected_improvement",
            "log_improvement",
            "lower_confidence_bound",
            "soften_errors",
        ],
        "benchmark": [
            "DigitsBenchmark",
            "LeNetBenchmark",
            "MLPBenchmark",
            "RecordedBenchmark",
            "RecordedSearcher",
            "Recording",
            "fit_surrogate",
            "read_recording",
            "write_recording",
        ],
        "constrained": ["ConstrainedSearcher", "CostAwareSearcher", "InformedSearcher"],
        "cross_validation": ["CrossValidation", "FoldScheduler", "cannot_win", "is_behind"],
        "datasets": [
            "CIFAR10",
            "FashionMNIST",
            "ImageData",
            "OrderedLoader",
            "ShuffledLoader",
            "TensorData",
        ],
        "files": ["write_file"],
        "gaussian_process": ["GaussianProcess", "fit_gaussian_process", "matern52", "theta_prior"],
        "hyperband": [
            "HyperbandScheduler",
            "MultiFidelityScheduler",
            "SuccessiveHalvingScheduler",
            "hyperband_brackets",
            "rung_levels",
        ],
        "hypergradients": ["check_hyperparameters", "hypergradient", "unrolled_loss"],
        "measured": ["LimitedLeNet", "SizedPerceptron", "TimedLeNet"],
        "model_searcher": [
            "ModelSearcher",
            "changes_to_the_end",
            "encode_choices",
            "largest_epoch",
            "numbers_of_choices",
            "usable_reports",
        ],
        "multiobjective": [
            "MultiObjectiveSearcher",
            "NondominatedSortingSearcher",
            "ScalarizingSearcher",
            "crowding_distances",
            "dominance",
            "hypervolume",
            "nondominated_ranks",
            "order_by_front",
            "pareto_front",
        ],
        "notebook": ["glue", "holds"],
        "objective_values": [
            "check_points",
            "feasible",
            "feasible_errors",
            "objective_table",
            "read_objectives",
        ],
        "objectives": [
            "HPOTrainer",
            "LeNet",
            "Network",
            "hpo_objective_lenet",
            "hpo_objective_softmax_classification",
            "init_weights",
            "read_config",
            "reproducible",
            "shared_images",
            "train_lenet",
            "train_model",
            "train_perceptron",
        ],
        "plots": [
            "COLORS",
            "plot_any_time",
            "plot_hyperparameter",
            "plot_learning_curves",
            "plot_search",
            "plot_timeline",
            "use_style",
        ],
        "populations": [
            "PBTScheduler",
            "RegularizedEvolutionSearcher",
            "mutate",
            "perturb",
            "reposition",
        ],
        "random_search": [
            "GridSearcher",
            "PoolSearcher",
            "SobolSearcher",
            "grid_axes",
            "incumbent_errors",
            "paired_bootstrap",
            "repeat_search",
        ],
        "ray_cluster": ["local_ray"],
        "reporting": ["describe_effort", "mean_interval", "search_report", "spell_domain"],
        "scale": [
            "AugmentedData",
            "AugmentingLoader",
            "ResNet18",
            "StepTrainer",
            "crop_and_flip",
            "hpo_objective_resnet18",
            "ray_trainable",
            "small_images",
            "train_resnet18",
        ],
        "simulator": ["simulate"],
        "space": [
            "CheckedSpace",
            "categorical",
            "check_configuration",
            "check_space",
            "configurations_from_unit_cube",
            "configurations_to_unit_cube",
            "describe_space",
            "from_unit_cube",
            "list_unit_cube",
            "lograndint",
            "sample_configuration",
            "sample_configurations",
            "snap_unit_cube",
            "to_syne_tune",
            "to_unit_cube",
            "varying_names",
            "when",
        ],
        "syne_tune_backend": ["open_python_backend"],
        "tpe": ["ParzenEstimator", "TPESearcher"],
        "tuner": [
            "Attempt",
            "BasicScheduler",
            "HPOScheduler",
            "HPOSearcher",
            "HPOTuner",
            "RandomSearcher",
            "Trial",
            "check_searcher",
            "describe_search",
            "read_result",
        ],
    },
)


def _installation_hint() -> str | None:
    """Say in one line what to run where torch, torchvision or d2l is missing, else None."""
    missing = [name for name in _INSTALL_COMMANDS if find_spec(name) is None]
    if not missing:
        return None
    commands = dict.fromkeys(_INSTALL_COMMANDS[name] for name in missing)
    return f"d2l_hpo cannot train without {' and '.join(missing)}; run: {'; '.join(commands)}"


if _hint := _installation_hint():
    warnings.warn(_hint, UserWarning, stacklevel=2)

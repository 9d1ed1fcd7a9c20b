"""Names that the package's root offered before, and where they are now."""

FORMER_NAMES = {
    "figures": "Animation",
    "measures": "check_points objective_table order_by_front read_objectives",
    "schedulers": "Rung cannot_win describe_search is_behind",
    "searchers": "InformedSearcher changes_to_the_end check_searcher encode_choices grid_axes "
                 "largest_epoch log_improvement numbers_of_choices soften_errors theta_prior "
                 "usable_reports",
    "simulation": "Recording fit_surrogate read_recording write_recording",
    "spaces": "CheckedSpace configurations_from_unit_cube configurations_to_unit_cube "
              "list_unit_cube mutate perturb reposition snap_unit_cube varying_names",
    "tools": "check_between check_int check_positive is_number write_file",
    "training": "AugmentedData AugmentingLoader ImageData OrderedLoader ShuffledLoader StepTrainer "
                "check_hyperparameters crop_and_flip init_weights read_config shared_images "
                "small_images train_model",
    "tuning": "Attempt CtrlC Journal WorkerLost describe_effort open_workers read_result "
              "spell_domain",
}
"""By folder, the names that it offers, and that `from d2l_hpo import X` gives with a warning."""


def former_folder(name: str) -> str | None:
    """Return the folder of a name that the root offered before; None for any other."""
    return next((folder for folder, names in FORMER_NAMES.items() if name in names.split()), None)

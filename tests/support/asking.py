"""A search without a tuner: ask, evaluate and tell."""


def ask_tell(searcher, error, n):
    """Ask, evaluate and tell n times; the configurations and their errors."""
    configs, errors = [], []
    for _ in range(n):
        configs.append(searcher.sample_configuration())
        errors.append(error(configs[-1]))
        searcher.update(configs[-1], errors[-1])
    return configs, errors

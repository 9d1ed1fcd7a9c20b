"""A configuration space with every kind of domain, for the tests of spaces."""
from scipy import stats

from d2l_hpo import categorical, lograndint, when

EVERY_KIND = {
    "learning_rate": stats.loguniform(1e-4, 1),
    "momentum": stats.uniform(0, 0.99),
    "layers": stats.randint(1, 4),
    "units_1": lograndint(8, 64),
    "units_2": when(lambda config: config["layers"] >= 2, lograndint(8, 64)),
    "units_3": when(lambda config: config["layers"] >= 3, lograndint(8, 64)),
    "optimizer": categorical(["sgd", "adam"]),
    "nesterov": when(lambda config: config["optimizer"] == "sgd", categorical([True, False])),
    "width": 2,
}

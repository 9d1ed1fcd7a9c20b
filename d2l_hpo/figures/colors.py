"""The colours of methods, in figures and on pages; without Matplotlib."""

# The ways to run one method.
WAYS = {"sequential": "#000000", "synchronous": "#D55E00", "asynchronous": "#0072B2"}
# One colour a method through the whole book: Okabe and Ito's colour-blind-safe palette, its yellow
# darkened, since lines on white must be seen, and what can be told from them.
COLORS = {
    "default": "#000000",
    "random search": "#0072B2",
    "grid search": "#D55E00",
    "Sobol search": "#E69F00",
    "one epoch": "#56B4E9",
    "successive halving": "#009E73",
    "one bracket at a time": "#A6DBA0",  # of successive halving
    "Hyperband": "#CC79A7",
    "ASHA": "#6B6B00",
    "ASHA, stopping": "#882255",
    "Bayesian optimization": "#5E3C99",
    "TPE": "#7A3E00",
    "random scalarization": "#4CBF69",
    "non-dominated sorting": "#8560F2",
    "with constraints": "#721C1C",
    "improvement per second": "#E0218A",
    "evolution": "#2E7D32",
    "population based": "#CD60F2",
    **WAYS,
}
"""A dictionary from the names of methods to colours, such as "#0072B2": one a method throughout.

`plot_search` and `plot_any_time` take their colours from it, by the name that labels a curve.

>>> COLORS["random search"]
'#0072B2'
"""
GREY = "#7f7f7f"
SEQUENCE = ("#440154", "#443a83", "#306a8e", "#20928c", "#3bbb75", "#9bd93c")
"""Six steps of viridis from dark to light, all of which can be seen on white."""
DARK_SEQUENCE = ("#fde725", "#a2da37", "#4ec36b", "#20a386", "#26828e", "#355f8d")
"""Six steps of viridis from light to dark, all of which can be seen on black."""

"""Print what the prior of the line says of a company without labels, by numerical integration.

Of 60 people 30 are rated, 5 of them experts. The logit of the prevalence is normal about -3 with the variance 1.5² + V, V inverse gamma
(2, 1.5). Mean and standard deviation of the number of experts, where the rated were drawn at random and where they were chosen by class.

    python test/oracle/line_prior.py
"""

import numpy as np
from scipy.stats import invgamma, norm

RATED, EXPERTS, OTHERS = 30, 5, 30


def main():
    logits = np.linspace(-18, 12, 6001)
    variances = invgamma(2, scale=1.5).ppf((np.arange(2000) + 0.5) / 2000)
    prior = norm.pdf(logits[:, None], -3, np.sqrt(1.5**2 + variances)).mean(axis=1)
    prevalence = 1 / (1 + np.exp(-logits))
    likelihood = prevalence**EXPERTS * (1 - prevalence) ** (RATED - EXPERTS)
    for name, density in [("at random", prior * likelihood), ("by class", prior)]:
        weights = density / density.sum()
        first, second = weights @ prevalence, weights @ prevalence**2
        variance = OTHERS * (first - second) + OTHERS**2 * (second - first**2)
        print(f"{name}: {EXPERTS + OTHERS * first:.2f}, standard deviation {np.sqrt(variance):.2f}")


if __name__ == "__main__":
    main()

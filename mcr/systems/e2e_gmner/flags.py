"""The flags of GRBP that recipes/sft.py takes."""

from dataclasses import dataclass, field

from mcr.systems.e2e_gmner.grbp import BoxPerturber, GrbpSettings


@dataclass
class GrbpArguments:
    """E2E-GMNER's box perturbation (GRBP); off unless grbp_beta is set."""

    grbp_beta: float | None = field(
        default=None, metadata={"help": "E2E-GMNER's box perturbation: deviation of the center (paper: 0.03); unset: none"}
    )
    grbp_gamma: float = field(default=0.03, metadata={"help": "GRBP: deviation of the scale (paper: 0.03)"})
    grbp_tau: float = field(
        default=0.6, metadata={"help": "GRBP: smallest IoU with gold that is accepted (our choice; the paper states none)"}
    )
    grbp_tries: int = field(default=5, metadata={"help": "GRBP: draws before gold stays (our choice; the paper states none)"})

    def make_transform(self, seed: int) -> BoxPerturber | None:
        """Return the box perturbation, None where grbp_beta is not set."""
        if self.grbp_beta is None:
            return None
        return BoxPerturber(GrbpSettings(self.grbp_beta, self.grbp_gamma, self.grbp_tau, self.grbp_tries), seed)

"""Real models that got worse: between a trained model and its base, weight by weight."""

from dataclasses import dataclass

from harness.metrics import Evaluation
from harness.models import Checkpoint, embed, open_checkpoint
from harness.run import CaseRun


@dataclass(frozen=True, kw_only=True)
class ForgetfulRun(CaseRun):
    """A run in which a model is as good as `measured` says, whatever it was trained to be."""

    forgetful: str
    measured: Evaluation

    def evaluation(self, model, **options):
        return self.measured if model == self.forgetful else super().evaluation(model, **options)


def forget(checkpoint, texts, shares):
    """Encode texts with a model that forgot, for each share from 0, as it was trained, to 1, the base.

    A share w of the way back to the base is taken in every weight: `trained + w (base - trained)`; of an adapter, it is
    its merged weights. Nothing here knows of scores: what it does to a metric is found out by measuring.
    """
    import torch

    base = open_checkpoint(Checkpoint.of_base(checkpoint.base)).state_dict()
    model = open_checkpoint(checkpoint)
    trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for share in shares:
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(torch.lerp(trained[name], base[name], share) if tensor.is_floating_point() else base[name])
        yield embed(model, texts)

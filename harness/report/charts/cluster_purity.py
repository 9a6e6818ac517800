"""The purity of each model's clusters, and its noise."""

from harness.report.cells import value as cell
from harness.report.charts.style import Figure, fraction_bars
from harness.report.types import DataTable, Report

_DETAILS = ("purity_noise_as_wrong", "noise_ratio")


def draw(report: Report) -> Figure | None:
    """Draw the purity of the clustered pairs, that with noise counted as wrong, and the noise ratio."""
    return fraction_bars(
        report,
        report.numbers("cluster_purity", *_DETAILS),
        groups=("purity of\nclustered pairs", "purity, noise\ncounted as wrong", "noise ratio"),
        label="fraction of pairs",
        no_skill=report.shared_detail("cluster_purity", "majority_share"),
        no_skill_words="fraction of the more frequent label",
        compared=2,
    )


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    details = report.details("cluster_purity")
    rows = report.numbers("cluster_purity", *_DETAILS).items()
    return DataTable(
        headers=("Model", "Clusters", "Purity of clustered pairs", "Purity, noise counted as wrong", "Noise ratio"),
        rows=tuple(
            (model, str(details[model].get("cluster_count", "undefined")), *map(cell, values)) for model, values in rows
        ),
        note=f"Fraction of the more frequent label: {cell(report.shared_detail('cluster_purity', 'majority_share'))}.",
    )

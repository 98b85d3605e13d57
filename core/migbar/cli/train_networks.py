"""``migbar train mpt``, ``migbar train MODEL-3`` …, ``migbar models import``: the paper's networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import print_json, progress_bar
from migbar.cli.options import LARGEST_SEED, AsJson, expanded
from migbar.errors import MigbarError
from migbar.models.networks.published import NETWORKS

if TYPE_CHECKING:
    from migbar.training.networks.loop import Hardware
    from migbar.training.networks.presets import TrainingSettings

Corpus = Annotated[
    Path, typer.Option("--data", help="Corpus as JSON lines (.jsonl, .jsonl.xz), or packed (.npz).")
]
Bands = Annotated[Path, typer.Option("--data", help="JSON file of bands in the published format.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder of the run: checkpoint, metrics, network.npz.")
]
PresetName = Annotated[str, typer.Option("--preset", help="paper or compact.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How a network is trained, and on what."""

    preset: PresetName = "paper"
    epochs: Annotated[
        int | None, typer.Option(help="Epochs; the preset's where not given.", min=1)
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(help="Batch size; the preset's where not given.", min=1)
    ] = None
    seed: Annotated[
        int,
        typer.Option(
            help="Same data, seed, hardware and versions: same weights.", min=0, max=LARGEST_SEED
        ),
    ] = 123
    stop_after: Annotated[
        float | None, typer.Option(help="Write a checkpoint and stop after this many seconds.")
    ] = None
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1
    accelerator: Annotated[
        str, typer.Option(help="auto, cpu, cuda …, as Lightning names them.")
    ] = "auto"
    devices: Annotated[int, typer.Option(help="GPUs of each node.", min=1)] = 1
    nodes: Annotated[int, typer.Option(help="Nodes.", min=1)] = 1
    precision: Annotated[
        str, typer.Option(help="32-true, bf16-mixed …, as Lightning names them.")
    ] = "32-true"
    strategy: Annotated[
        str, typer.Option(help="ddp_find_unused_parameters_true for several devices.")
    ] = "auto"
    matmul: Annotated[
        str, typer.Option(help="highest; high: TF32 on a GPU; medium: bf16 products, on CPUs too.")
    ] = "highest"

    def changed(self, settings: TrainingSettings) -> TrainingSettings:
        """Return a preset's settings with what was asked for."""
        from migbar.training.networks.presets import with_changes

        return with_changes(settings, self.epochs, self.batch_size, self.seed)

    def hardware(self) -> Hardware:
        """Set the number of threads, and return the devices."""
        import torch

        from migbar.training.networks.loop import Hardware

        torch.set_num_threads(self.threads)
        return Hardware(
            self.accelerator, self.devices, self.nodes, self.precision, self.strategy, self.matmul
        )


@expanded
def pretrain(
    data: Corpus,
    out: Out,
    how: NetworkOptions,
    as_json: AsJson = False,
) -> None:
    """Pre-train MPT on seven bulk properties. The same command goes on from its last checkpoint."""
    import torch

    from migbar.graphs import GraphSettings
    from migbar.models.networks.architectures import make_network
    from migbar.training.networks.loop import train_network
    from migbar.training.networks.packing import SavedNetwork, TrainingData, state_arrays
    from migbar.training.networks.pretraining import pack_corpus

    chosen, hardware = _preset(how.preset), how.hardware()
    settings = how.changed(chosen.pretraining)
    with progress_bar() as progress:
        if data.suffix == ".npz":
            packed = TrainingData.load(data)
        else:
            packed = pack_corpus(data, chosen.pretraining_graphs, chosen.max_atoms, progress)
        torch.manual_seed(settings.seed)
        network = make_network("MPT", chosen.size)
        curve = train_network(
            network, packed, settings, out, None, hardware, progress, stop_after=how.stop_after
        )
    info = {**packed.info, "preset": how.preset, "epochs": len(curve), "seed": how.seed}
    info |= {"validation_loss": curve[-1].validation_loss, "wall_time_s": curve[-1].seconds}
    graphs = GraphSettings(**packed.info["graphs"])
    saved = SavedNetwork("MPT", chosen.size, graphs, state_arrays(network), info)
    saved.save(out / "network.npz")
    _report(out / "network.npz", info, as_json)


def finetune(name: str) -> Callable[..., None]:
    """Make the command that trains one of the paper's networks."""
    scratch = name.startswith("SCRATCH")

    @expanded
    def command(
        data: Bands,
        out: Out,
        start: Annotated[
            Path | None,
            typer.Option(
                "--from", help="network.npz of an MPT, or MPT-compact; not for SCRATCH-*."
            ),
        ] = None,
        folds: Annotated[
            int, typer.Option(help="Folds of a grouped cross-validation; 0 for none.", min=0)
        ] = 0,
        model_name: Annotated[
            str | None, typer.Option("--name", help="Name of the model in your store.")
        ] = None,
        *,
        how: NetworkOptions,
        as_json: AsJson = False,
    ) -> None:
        from migbar.datasets import read_bands
        from migbar.models.networks.published import NETWORKS
        from migbar.models.store import save_model
        from migbar.training.networks.finetuning import train_model
        from migbar.training.networks.packing import SavedNetwork
        from migbar.training.networks.presets import training_settings
        from migbar.training.networks.recipes import Recipe

        if (start is None) != scratch:
            raise MigbarError(
                f"{name} starts {'from scratch: leave out --from' if scratch else 'from an MPT: give --from'}."
            )
        _preset(how.preset)
        architecture = str(NETWORKS[name].architecture)
        recipe = Recipe(
            architecture,
            how.preset,
            how.changed(training_settings(how.preset, architecture)),
            None if start is None else SavedNetwork.load(_pretrained(start)),
            single_path=name.endswith("SINGLE-PATH"),
        )
        with progress_bar() as progress:
            model = train_model(
                model_name or (name if how.preset == "paper" else f"{name}-{how.preset}"),
                recipe,
                read_bands(data),
                out,
                folds,
                how.hardware(),
                progress,
                how.stop_after,
            )
        folder = save_model(model, out / "model")
        _report(folder, model.card.to_dict(), as_json)

    command.__doc__ = (
        f"Train {name} {'from scratch' if scratch else 'from a pre-trained MPT (--from)'}."
    )
    return command


def import_(
    path: Annotated[
        Path,
        typer.Argument(help="Model file (.migbar-model), or published checkpoint (.pt, .pt.bz2)."),
    ],
    published_as: Annotated[
        str,
        typer.Option("--as", help="Of a checkpoint: the paper's name, for example MODEL-3."),
    ] = "",
    name: Annotated[str | None, typer.Option(help="Its name in your store.")] = None,
    canonize: Annotated[
        bool, typer.Option(help="Graphs with one bond per pair; the published ones double it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a model file, or a published checkpoint, as a model of your own."""
    from migbar.models.sharing import import_model
    from migbar.models.store import folder_of, read_card, save_model

    if published_as:
        from migbar.models.networks.importer import import_checkpoint

        folder = save_model(import_checkpoint(path, published_as, name, canonize))
    else:
        folder = folder_of(import_model(path, name).name)
    _report(folder, read_card(folder).to_dict(), as_json)


def pack(
    data: Annotated[
        Path,
        typer.Option(
            "--data", help="Corpus (.jsonl, .jsonl.xz), or bands in the published format (.json)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File of packed graphs to write (.npz).")],
    preset: PresetName = "paper",
    doubled: Annotated[
        bool,
        typer.Option(
            help="Bands: a bond found from both ends counts twice, as published; four times the work."
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Of the three folds noted with the bands.", min=0, max=LARGEST_SEED)
    ] = 123,
    as_json: AsJson = False,
) -> None:
    """Pack graphs for training on another machine, bands with all that any network takes."""
    from dataclasses import replace

    from migbar.datasets import read_bands
    from migbar.training.networks.finetuning import pack_everything
    from migbar.training.networks.plan import FOLDS
    from migbar.training.networks.pretraining import pack_corpus

    chosen = _preset(preset)
    with progress_bar() as progress:
        if data.suffix == ".json":
            known = [record for record in read_bands(data) if record.target_ev is not None]
            settings = replace(chosen.graphs, canonize=not doubled)
            packed = pack_everything(known, settings, FOLDS, seed, progress)
        else:
            packed = pack_corpus(data, chosen.pretraining_graphs, chosen.max_atoms, progress)
    packed.save(out)
    _report(out, {"graphs": len(packed), "bytes": out.stat().st_size}, as_json)


def collect(
    parts: Annotated[Path, typer.Argument(help="Folder with the parts that came back.")],
    packed: Annotated[
        Path, typer.Option("--packed", help="Packed bands that were trained on (.npz).")
    ],
    data: Bands,
    out: Annotated[Path, typer.Option(help="Folder for the models, one folder each.")],
    work: Annotated[
        Path, typer.Option(help="Folder in which everything that came back is put together.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make models with cards of what a plan on another machine has trained."""
    from migbar.datasets import read_bands
    from migbar.training.networks.collecting import collect_models
    from migbar.training.networks.packing import TrainingData
    from migbar.training.networks.parcel import read_parcel

    read_parcel(parts, work)
    known = [record for record in read_bands(data) if record.target_ev is not None]
    with progress_bar() as progress:
        made = collect_models(work, TrainingData.load(packed), known, out, progress)
    _report(out, made, as_json)
    if not as_json:
        for name, what in made.items():
            typer.echo(f"  {name}: {what}")


def register(train: typer.Typer, models: typer.Typer) -> None:
    """Add the commands to ``migbar train`` and ``migbar models``."""
    train.command("mpt")(pretrain)
    train.command("pack")(pack)
    train.command("collect")(collect)
    for name in NETWORKS:
        train.command(name)(finetune(name))
    models.command("import")(import_)


def _pretrained(start: Path) -> Path:
    """Return the bundled pre-trained network of that name, or the file itself."""
    from migbar.resources import resource_dir

    bundled = resource_dir() / "networks" / f"{start.name}.npz"
    return bundled if not start.suffix and bundled.is_file() else start


def _preset(name: str) -> Any:
    from migbar.training.networks.presets import PRESETS

    if name not in PRESETS:
        raise MigbarError(f"there is no preset '{name}'; choose of {', '.join(PRESETS)}.")
    return PRESETS[name]


def _report(place: Path, data: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"path": str(place), **data})
    else:
        typer.echo(f"{data['name']} saved in {place}" if "name" in data else f"saved in {place}")

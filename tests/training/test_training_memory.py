"""The prediction of memory, compared with what a real training step of the bundled model holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from deployments.check_profiles import load_architecture
from tasks.common.store import StageOutput
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.training.config import TrainingConfig
from tasks.training.gpus import GPUS
from tasks.training.memory import Batch, Memory, fits, largest_batch, linear_modules, predict_answering, predict_memory

PRECISION = ModelConfig().precision
BATCH = Batch(rows=1, tokens=512, learned=64)


def megabytes(tensors: list[torch.Tensor]) -> float:
    """Of the distinct storages behind the tensors."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values()) / 1e6


def frozen_tensors(model: Any) -> list[torch.Tensor]:
    """The base's weights with all that bitsandbytes keeps beside them."""
    frozen = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    states = [weight.quant_state for weight in frozen if hasattr(weight, "quant_state")]
    beside = [value for state in states for part in (state, state.state2) for value in vars(part).values()]
    return [*frozen, *(value for value in beside if isinstance(value, torch.Tensor))]


def peak_megabytes(profile: Any) -> float:
    """The most that was allocated at once, above what there was before."""
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak / 1e6


def measured(folder: str, config: TrainingConfig, tmp_path: Path) -> dict[str, float]:
    """Megabytes that one training step of the real model holds, by part."""
    from datasets import Dataset

    from tasks.models.loading import load_model, load_tokenizer
    from tasks.training.adapter import new_adapter
    from tasks.training.train import CompletionTrainer, trainer_arguments

    trainer = CompletionTrainer(
        model=load_model(folder, PRECISION, config.quantization),
        args=trainer_arguments(config, tmp_path, PRECISION, 1),
        train_dataset=Dataset.from_list([{"input_ids": [1]}]),  # the batch is made here
        data_collator=list,
        processing_class=load_tokenizer(folder),
        peft_config=new_adapter(config),
    )
    model, optimizer = trainer.model.train(), trainer.create_optimizer()
    if config.activation_checkpointing:
        model.activation_checkpointing_enable()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    real = {"weights": megabytes(frozen_tensors(model)), "adapter": megabytes(trained)}

    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept.append(tensor)
        return tensor

    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profile:
        shape = (BATCH.rows, BATCH.tokens)
        labels = torch.full(shape, -100)
        labels[:, -BATCH.learned :] = 7
        inputs = {
            "input_ids": torch.ones(shape, dtype=torch.long),
            "position_ids": torch.arange(BATCH.tokens).expand(shape),
            "attention_mask": torch.ones(BATCH.rows, 1, BATCH.tokens, BATCH.tokens, dtype=torch.bool).tril(),
            "labels": labels,
        }
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = trainer.compute_loss(model, dict(inputs))
        real["activations"] = megabytes([*kept, *inputs.values()])
        kept.clear()
        loss.backward()
    real["peak"] = peak_megabytes(profile)
    real["gradients"] = megabytes([parameter.grad for parameter in trained])
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values()]
    real["optimizer"] = megabytes([value for value in states if isinstance(value, torch.Tensor) and value.numel() > 1])
    return real


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"quantization": "nf4"}, {"quantization": "none", "lora_dropout": 0.05, "optimizer": "adamw_8bit"}]
)
def test_the_prediction_is_what_a_real_step_holds(
    settings: dict[str, Any], two_layers: StageOutput, tmp_path: Path, record_property: Any
) -> None:
    from transformers import AutoConfig

    config = TrainingConfig(**settings)
    real = measured(two_layers.path, config, tmp_path)
    memory = predict_memory(AutoConfig.from_pretrained(two_layers.path), config, PRECISION, "cpu", BATCH)
    predicted = {**memory._asdict(), "peak": memory.activations + memory.moment}
    for part, value in real.items():
        record_property(part, f"predicted {predicted[part]:.1f} MB, measured {value:.1f} MB")
        assert predicted[part] == pytest.approx(value, rel=0.1), part


@pytest.mark.slow
def test_with_checkpointing_the_layers_inputs_are_kept_and_one_layer(model_store: Path, tmp_path: Path) -> None:
    """One layer is computed again in the backward pass only, so that it is in the prediction and in the peak."""
    plain, saving = TrainingConfig(), TrainingConfig(activation_checkpointing=True)
    architecture = load_architecture(ModelConfig().base)
    real = measured(base_model(ModelConfig(), model_store).path, saving, tmp_path)
    memory, all_layers = (predict_memory(architecture, c, PRECISION, "cpu", BATCH) for c in (saving, plain))
    layer = (all_layers.activations - real["activations"]) / architecture.num_hidden_layers
    assert memory.activations == pytest.approx(real["activations"] + layer, rel=0.1)
    assert real["peak"] < memory.activations + memory.moment < 1.5 * real["peak"]


def test_the_published_sizes_of_the_models_are_found() -> None:
    """Sizes of the published bf16 files, in GB."""
    published = {
        "Qwen/Qwen2.5-Coder-1.5B": 3.09,
        "Qwen/Qwen2.5-Coder-7B": 15.2,
        "microsoft/Phi-3-mini-4k-instruct": 7.64,
    }
    for name, gigabytes in published.items():
        config = TrainingConfig(quantization="none")
        memory = predict_memory(load_architecture(name), config, "bfloat16", "cpu", Batch(1, 64, 8))
        assert memory.weights / 1000 == pytest.approx(gigabytes, rel=0.01)


def test_less_is_predicted_for_what_saves_memory() -> None:
    architecture = load_architecture("Qwen/Qwen2.5-Coder-1.5B")

    def predict(**settings: Any) -> Memory:
        return predict_memory(architecture, TrainingConfig(**settings), "bfloat16")

    plain = predict()
    assert predict(quantization="none").weights > 2 * predict(quantization="int8").weights * 0.8 > plain.weights
    assert predict(activation_checkpointing=True).activations < plain.activations / 5
    assert predict(optimizer="adamw_8bit").optimizer < plain.optimizer * 0.6
    assert predict(batch_size=2).activations == pytest.approx(2 * plain.activations, rel=0.01)
    assert predict(lora_r=8).adapter == pytest.approx(plain.adapter / 2, rel=0.01)
    assert predict(target_modules=("q_proj",)).adapter < plain.adapter / 5
    assert predict(adapter="dora").activations > plain.activations
    assert plain.total == pytest.approx(sum(plain)) and str(plain).startswith("weights 1.1, activations ")


def test_a_batch_is_as_long_as_its_rows_over_one_schema() -> None:
    assert largest_batch(TrainingConfig(batch_size=2, rows_per_sequence=1)) == Batch(2, 1024, 128)
    assert largest_batch(TrainingConfig(batch_size=2, rows_per_sequence=4)) == Batch(2, 1792, 512)


def test_what_fits_a_card() -> None:
    memory = Memory(weights=15_000, adapter=0, gradients=0, optimizer=0, activations=500, moment=0, overhead=600)
    assert not fits(memory, GPUS["T4"]) and fits(memory, GPUS["V100-16"])
    architecture = load_architecture("microsoft/phi-2")
    assert predict_answering(architecture, "float16", 8, 1024) < GPUS["T4"].memory_mb
    assert predict_answering(architecture, "float16", 64, 1024) > GPUS["T4"].memory_mb


def test_modules_are_told_by_name() -> None:
    assert "self_attn.qkv_proj" in linear_modules(load_architecture("microsoft/Phi-3-mini-4k-instruct"))
    with pytest.raises(ValueError, match="not found in the base model"):
        config = TrainingConfig(target_modules=("nothing",))
        predict_memory(load_architecture("microsoft/phi-2"), config, "float16")

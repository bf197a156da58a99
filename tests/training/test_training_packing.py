from __future__ import annotations

import pandas as pd
import pytest
import torch

from tasks.common.store import StageOutput
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.training.config import TrainingConfig
from tasks.training.packing import IGNORED, collate, pack

ROWS = [("a", [1, 2, 3, 9], [5, 0]), ("b", [1, 7, 8], [6, 0]), ("a", [1, 2, 4], [7, 8, 0]), ("a", [1, 2, 3], [9, 0])]


def test_rows_of_one_schema_share_it_and_every_completion_is_kept() -> None:
    sequences = pack(ROWS, rows_per_sequence=3)
    assert [s["input_ids"] for s in sequences] == [[1, 2, 3, 9, 5, 0, 4, 7, 8, 0, 3, 9, 0], [1, 7, 8, 6, 0]]
    assert sequences[0]["position_ids"] == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4]
    assert sequences[0]["segments"] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    learned = sorted(token for s in sequences for token in s["labels"] if token != IGNORED)
    assert learned == sorted(token for _, _, completion in ROWS for token in completion)


def test_rows_are_dealt_out_evenly() -> None:
    rows = [("a", [1, i], [0]) for i in range(5)]
    assert sorted(len(s["input_ids"]) for s in pack(rows, rows_per_sequence=4)) == [5, 7]
    assert len(pack(rows, rows_per_sequence=1)) == 5


def test_a_row_sees_the_schema_and_itself_only() -> None:
    (sequence,) = pack([("a", [1, 2], [3]), ("a", [1, 4], [5])], rows_per_sequence=2)
    (mask,) = collate([sequence], pad_token_id=0)["attention_mask"][0]
    assert mask.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 1],
    ]


@pytest.mark.slow
def test_packed_rows_give_the_loss_and_gradients_of_rows_that_stand_alone(two_layers: StageOutput) -> None:
    from tasks.models.loading import load_model, load_tokenizer
    from tasks.training.train import to_dataset

    model, tokenizer = load_model(two_layers.path, "float32"), load_tokenizer(two_layers.path)
    rows = pd.DataFrame(
        {
            "context": ["CREATE TABLE books (id INT, price INT);"] * 3
            + ["CREATE TABLE rooms (id INT, floor INT);"] * 2,
            "question": ["How many?", "List all ids.", "몇 개인가요?", "How many rooms?", "Show the highest floor."],
            "answer": [
                "SELECT COUNT(*) FROM books",
                "SELECT id FROM books",
                "SELECT COUNT(*) FROM books",
                "SELECT COUNT(*) FROM rooms",
                "SELECT MAX(floor) FROM rooms",
            ],
        }
    )

    def loss_and_gradient(rows_per_sequence: int) -> tuple[float, torch.Tensor]:
        config = TrainingConfig(rows_per_sequence=rows_per_sequence)
        dataset, _ = to_dataset(rows, load_prompt(PromptConfig()), tokenizer, config)
        batch = collate(list(dataset), tokenizer.pad_token_id)
        labels = batch.pop("labels")
        logits = model(**batch, use_cache=False).logits[:, :-1].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, labels[:, 1:].flatten(), ignore_index=IGNORED)
        model.zero_grad()
        loss.backward()
        return loss.item(), model.model.layers[0].mlp.up_proj.weight.grad.clone()

    (alone, gradient_alone), (packed, gradient_packed) = loss_and_gradient(1), loss_and_gradient(3)
    assert packed == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(gradient_packed, gradient_alone, rtol=1e-3, atol=1e-6)

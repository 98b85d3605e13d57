"""The pages of the wizard, in order."""

from __future__ import annotations

from collections.abc import Callable

from migbar_gui.dialogs.retraining.check_page import CheckPage
from migbar_gui.dialogs.retraining.data_page import DataPage
from migbar_gui.dialogs.retraining.judge_page import JudgePage
from migbar_gui.dialogs.retraining.keep_page import KeepPage
from migbar_gui.dialogs.retraining.model_page import ModelPage
from migbar_gui.dialogs.retraining.split_page import SplitPage
from migbar_gui.dialogs.retraining.train_page import TrainPage
from migbar_gui.dialogs.retraining.wizard import Page, RetrainingWizard, WizardPage

PAGES: dict[Page, Callable[[RetrainingWizard], WizardPage]] = {
    Page.DATA: DataPage,
    Page.CHECK: CheckPage,
    Page.SPLIT: SplitPage,
    Page.MODEL: ModelPage,
    Page.TRAIN: TrainPage,
    Page.JUDGE: JudgePage,
    Page.KEEP: KeepPage,
}

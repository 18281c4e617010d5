"""Getting started: the steps of config/onboarding.yaml, one person's way through them, and what each step does."""

from accounts.onboarding.flow import (
    Flow,
    StepBusy,
    StepInvalid,
    StepNotReached,
    StepNotSkippable,
    UnknownStep,
    get_onboarding,
    save_draft,
    skip_onboarding_step,
    update_onboarding_step,
)
from accounts.onboarding.kinds import StepKind

__all__ = [
    "Flow",
    "StepBusy",
    "StepInvalid",
    "StepKind",
    "StepNotReached",
    "StepNotSkippable",
    "UnknownStep",
    "get_onboarding",
    "save_draft",
    "skip_onboarding_step",
    "update_onboarding_step",
]

"""The AWS behaviour that ministack lacks, a module for each subject."""

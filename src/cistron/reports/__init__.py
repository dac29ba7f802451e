"""Figures and self-contained HTML from answers.

A report is one file that opens anywhere: no network, no scripts or fonts from outside, and the same bytes for
the same rows.
"""

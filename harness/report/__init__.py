"""STAGE 8 of 8. In: ``Document``. Out: HTML, JSON, terminal text. Words and pictures, no arithmetic.

``document.py`` is ``report.json`` as a type; every other form is rendered from it alone.
"""

"""Hold the answers of `tumorclass batch`, or of other software, against the truth: docs/evaluation.md has the formulas.

    tables     truth and predictions are read, checked and joined to cases
    figures    statistics of the cases, with intervals
    groups     the same cases by source, size, slice thickness ...
    attention  where the maps are strong, held against lesion masks
    pairs      two prediction files on the same truth
    runs       `tumorclass batch`, started from here
    plots      curves and diagrams as SVG
    page       the HTML page
    output     files and the terminal's table
    main       the command
"""

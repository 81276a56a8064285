"""The local AWS: ministack with four accounts and IAM enforcement, and what Isthmus adds to it.

One file per thing added; `surface` names every symbol of ministack that is extended.
"""

"""Numbers about answers: how good, how sure. numpy and scipy only; used by training and evaluation."""

"""The metrology program: what the meter measures, as integer arithmetic.

This text has two readers. Python runs it as it stands: that is the integer model. The compiler turns the
same text into the microcode of the compute engine. Both give the same bits.

A *word* (36 bits) can be a factor, a *wide* value (108 bits) is a sum. Annotations say which a field or
variable is; a variable without one is a word. A product takes two words; ``>>`` rounds down. A field of the
state keeps its value, a variable lasts as long as its function.

The foreground, `rtl.metering.program.machine.sample_set`, is run for every sample set. At the end of a
window it lays down what the background needs, and starts it a little later. The background reads nothing
that the foreground changes before the next window ends, and the foreground takes over what the background
has found out at a window's end only. So it does not matter how far the background is at any time.
"""

"""From a publisher's network to a TFLite file: readers, calibration, quantiser, writer. with numpy alone.

    dlib_dat, dlib_anet      dlib's face ResNet as it lies in its `.dat` file        ┐
    openvino_ir              Intel's networks as XML and weights                     ├─> graph
    graph, observe           one neutral network, and its float run in numpy         ┘
    calibration, quantise    ranges of the activations, then integers
    lower, tflite_file, flat TFLite operators, then bytes

We write the file ourselves instead of calling TensorFlow's converter for one reason: the same source and the same
recipe then give the same bytes on every machine, so that a digest in a recipe means something (ADR in docs/packs.md).
"""

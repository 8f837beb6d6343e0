"""The eye: the process that has the camera, and neither network nor memory nor names.

    camera ──> find (detect, landmarks) ──> quality ──> align ──> embed ──> track, fuse ──> sighting

    geometry    turned squares and similarities        sampling   cutting them out of frames
    runtimes/   LiteRT, tflite-runtime                 model      a verified model that takes a picture
    detect      BlazeFace                              landmarks  face mesh, head pose
    find        every face of a frame                  meter      measuring a face
    quality     judging it, with reasons               zone       who stands at the gate
    align       onto the embedder's template           embed      face to embedding
    track       one face over frames                   fuse       its embeddings into one
    eye         all of it, over one attempt            extract    the same for one still picture
    images      pictures from outside, decoded         cameras/   where frames come from
    service     the process: obeys `gate`              watch      is the camera alive?

What lies in here during an attempt is overwritten when it ends. Nothing of it goes to disk, log or exception text.
"""

//! Every engine against brute force, on the same centers and questions.

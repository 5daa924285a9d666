"""Splits the images: two thirds of those to train on for that, the rest to watch it by; every fifth one of all is for the test."""

from network import digits, outputs, write

training, test = digits.split(digits.load_images())


def part(images, is_chosen):
    chosen = [index for index in range(len(images.labels)) if is_chosen(index)]
    return {"pixels": [images.pixels[index] for index in chosen], "labels": [images.labels[index] for index in chosen]}


parts = {
    "train": part(training, lambda index: index % 3 != 0),
    "validation": part(training, lambda index: index % 3 == 0),
    "test": part(test, lambda index: True),
}
for name, images in parts.items():
    write(outputs() / f"{name}.json", images)
    print(f"{name}: {len(images['labels'])} images")

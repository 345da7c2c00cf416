/** `localhost:5001/test-gateway:dev` → `test-gateway`. */
export const imageName = (image: string): string =>
  image
    .replace(/@.*$/, "")
    .replace(/:[^/:]*$/, "")
    .replace(/^.*\//, "");

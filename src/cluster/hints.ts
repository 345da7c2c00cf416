/** Well-known complaints of the programs, and what to do about each. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /Cannot connect to the Docker daemon/i,
    "The Docker daemon stopped: start it and run the same command again; it goes on where it was",
  ],
  [
    /content digest \S+ not found/i,
    "Docker's containerd image store holds the image only in part (kubernetes-sigs/kind #3795): docker image rm the image, and run the same command again",
  ],
  [
    /port is already allocated|address already in use/i,
    "Another program has port 30080 of 127.0.0.1 (k8s/cluster/kind.yaml): end it, or change hostPort there",
  ],
  [
    /toomanyrequests|ImagePullBackOff|ErrImagePull\b|failed to pull image/,
    "An image could not be pulled: is there a way to its registry from Docker's machine?",
  ],
  [/no space left on device/i, "Docker's disk is full: docker system df shows by what"],
  [
    /ErrImageNeverPull/,
    "The node lost its image: run the same command again, it loads it (the manifests never pull)",
  ],
  [/Insufficient (cpu|memory)/, "The node is too small: limpet cluster doctor says what everything needs"],
  [
    /could not find a log line that matches|failed to init node/i,
    "The node did not boot: https://kind.sigs.k8s.io/docs/user/known-issues/ (inotify watches, cgroup version 2, disk)",
  ],
  [
    /no such host|connection refused|i\/o timeout|TLS handshake timeout/i,
    "Is the network there? Charts come from their makers' addresses (docs/cluster.md)",
  ],
];

export const hintFor = (said: string): string | null =>
  HINTS.find(([pattern]) => pattern.test(said))?.[1] ?? null;
